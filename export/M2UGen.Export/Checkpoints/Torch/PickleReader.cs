using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>A pickle machine that can only build inert data: it knows no import, calls nothing, and refuses every global outside <see cref="PickleGlobals"/>.</summary>
/// <remarks>
/// Source: the opcode list of Python's pickletools, protocols 1 to 5. Opcodes that only serve code (INST, OBJ, NEWOBJ_EX, EXT, PERSID) or out-of-band
/// buffers are refused by name. Works without recursion; memory grows with the pickle's own length, and never by a number that it states.
/// </remarks>
internal sealed class PickleReader
{
    /// <summary>Longest pickle that is read: the largest published checkpoints need about 1 MB.</summary>
    public const int MaxLength = 16 << 20;

    private const int MaxObjects = 4_000_000;
    private const int MaxLine = 4096;
    private const int MaxIntegerBytes = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(false, true);

    private readonly CheckpointFile file;
    private readonly byte[] bytes;
    private readonly Func<PickleGlobal, string, long, PickleStorage> openStorage;
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<long, object?> memo = [];
    private int position;
    private int operation;
    private int objects;

    /// <summary>Prepares to read one pickle.</summary>
    /// <param name="file">What to name in exceptions.</param>
    /// <param name="bytes">The whole pickle.</param>
    /// <param name="openStorage">Finds the storage for a class, a key and a count of elements, and checks that it is there.</param>
    public PickleReader(CheckpointFile file, byte[] bytes, Func<PickleGlobal, string, long, PickleStorage> openStorage)
    {
        this.file = file;
        this.bytes = bytes;
        this.openStorage = openStorage;
    }

    private int Fence => marks.Count > 0 ? marks[^1] : 0;

    /// <summary>Runs the pickle to its end and gives its one result.</summary>
    /// <exception cref="CheckpointException">It is damaged, or asks for something that is not on the list.</exception>
    public object? Read()
    {
        while (true)
        {
            operation = position;
            byte opcode = TakeByte();
            if (opcode == (byte)'.')
            {
                if (stack.Count != 1 || marks.Count != 0)
                {
                    throw Fail("ends with not exactly one result");
                }

                return position == bytes.Length ? stack[0] : throw Fail($"has {bytes.Length - position} bytes after its end");
            }

            Execute(opcode);
        }
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                byte protocol = TakeByte();
                if (operation != 0 || protocol > 5)
                {
                    throw Fail($"declares protocol {protocol}; 1 to 5 at its start are known");
                }

                break;
            case 0x95: // FRAME: a hint for buffering
                TakeSpan(TakeLength(8), keep: true);
                break;
            case (byte)'(':
                marks.Add(stack.Count);
                break;
            case (byte)'0': // POP
                if (stack.Count == Fence && marks.Count > 0)
                {
                    marks.RemoveAt(marks.Count - 1);
                }
                else
                {
                    Pop();
                }

                break;
            case (byte)'1': // POP_MARK
                PopToMark();
                break;
            case (byte)'2': // DUP
                Push(Peek());
                break;
            case (byte)'N':
                Push(null);
                break;
            case 0x88:
                Push(Boxes.True);
                break;
            case 0x89:
                Push(Boxes.False);
                break;
            case (byte)'K': // BININT1
                Push(Boxes.Of(TakeByte()));
                break;
            case (byte)'M': // BININT2
                Push(NewObject((long)BinaryPrimitives.ReadUInt16LittleEndian(TakeSpan(2))));
                break;
            case (byte)'J': // BININT
                Push(NewObject((long)BinaryPrimitives.ReadInt32LittleEndian(TakeSpan(4))));
                break;
            case (byte)'I': // INT, as text; 00 and 01 are booleans
                string digits = TakeLine();
                Push(digits switch { "00" => Boxes.False, "01" => Boxes.True, _ => ParseInteger(digits) });
                break;
            case (byte)'L': // LONG, as text
                Push(ParseInteger(TakeLine().TrimEnd('L')));
                break;
            case 0x8a: // LONG1
                Push(ReadInteger(TakeByte()));
                break;
            case 0x8b: // LONG4
                Push(ReadInteger(BinaryPrimitives.ReadInt32LittleEndian(TakeSpan(4))));
                break;
            case (byte)'G': // BINFLOAT, big-endian
                Push(NewObject(BinaryPrimitives.ReadDoubleBigEndian(TakeSpan(8))));
                break;
            case (byte)'X': // BINUNICODE
                Push(TakeText(TakeLength(4)));
                break;
            case 0x8c: // SHORT_BINUNICODE
                Push(TakeText(TakeByte()));
                break;
            case 0x8d: // BINUNICODE8
                Push(TakeText(TakeLength(8)));
                break;
            case (byte)'U': // SHORT_BINSTRING: a Python 2 str
                Push(TakeText(TakeByte()));
                break;
            case (byte)'T': // BINSTRING
                Push(TakeText(TakeLength(4)));
                break;
            case (byte)'C' or (byte)'B' or 0x8e or 0x96: // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
                TakeSpan(opcode switch { (byte)'C' => TakeByte(), (byte)'B' => TakeLength(4), _ => TakeLength(8) });
                Push(PickleOpaque.Instance);
                break;
            case (byte)')':
                Push(PickleTuple.Empty);
                break;
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                PushTuple(opcode - 0x84);
                break;
            case (byte)'t':
                Push(NewTuple(PopToMark()));
                break;
            case (byte)']':
                Push(NewObject(new PickleList()));
                break;
            case (byte)'l': // LIST
                PickleList list = NewObject(new PickleList());
                list.Items.AddRange(PopToMark());
                Push(list);
                break;
            case (byte)'a': // APPEND
                object? element = Pop();
                PeekList(isSet: false).Items.Add(element);
                break;
            case (byte)'e': // APPENDS
                object?[] elements = PopToMark();
                PeekList(isSet: false).Items.AddRange(elements);
                break;
            case 0x8f: // EMPTY_SET
                Push(NewObject(new PickleList(isSet: true)));
                break;
            case 0x90: // ADDITEMS
                object?[] members = PopToMark();
                PeekList(isSet: true).Items.AddRange(members);
                break;
            case 0x91: // FROZENSET
                PickleList frozen = NewObject(new PickleList(isSet: true));
                frozen.Items.AddRange(PopToMark());
                Push(frozen);
                break;
            case (byte)'}':
                Push(NewObject(new PickleDict()));
                break;
            case (byte)'d': // DICT
                PickleDict dict = NewObject(new PickleDict());
                SetItems(dict, PopToMark());
                Push(dict);
                break;
            case (byte)'s': // SETITEM
                object? value = Pop();
                object? key = Pop();
                SetItem(PeekDict(), key, value);
                break;
            case (byte)'u': // SETITEMS
                object?[] pairs = PopToMark();
                SetItems(PeekDict(), pairs);
                break;
            case (byte)'q': // BINPUT
                Remember(TakeByte());
                break;
            case (byte)'r': // LONG_BINPUT
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(TakeSpan(4)));
                break;
            case 0x94: // MEMOIZE
                Remember(memo.Count);
                break;
            case (byte)'h': // BINGET
                Recall(TakeByte());
                break;
            case (byte)'j': // LONG_BINGET
                Recall(BinaryPrimitives.ReadUInt32LittleEndian(TakeSpan(4)));
                break;
            case (byte)'c': // GLOBAL
                string module = TakeLine();
                PushGlobal(module, TakeLine());
                break;
            case 0x93: // STACK_GLOBAL
                string name = Pop() as string ?? throw Fail("names a global by something that is no string");
                PushGlobal(Pop() as string ?? throw Fail("names a module by something that is no string"), name);
                break;
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                object? arguments = Pop();
                Push(PickleCalls.Call(Pop(), arguments, isNew: opcode == 0x81, Fail));
                CountObject();
                break;
            case (byte)'b': // BUILD
                object? state = Pop();
                Build(Peek(), state);
                break;
            case (byte)'Q': // BINPERSID
                Push(NewObject(OpenStorage(Pop())));
                break;
            default:
                throw Fail($"uses the opcode {NameOf(opcode)}, which no checkpoint needs");
        }
    }

    private PickleStorage OpenStorage(object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal { Kind: PickleGlobalKind.Storage or PickleGlobalKind.UntypedStorage } type, string key, string, long count] })
        {
            throw Fail("has a persistent id that is not ('storage', class, key, location, count)");
        }

        return openStorage(type, key, count);
    }

    private void Build(object? target, object? state)
    {
        if (target is not PickleDict { AcceptsState: true } dict || state is not PickleDict { IsNamespace: false } attributes)
        {
            throw Fail("gives a state to something that may have none, or a state that is no dict");
        }

        foreach ((object name, object? value) in attributes.Items)
        {
            if (name is not string)
            {
                throw Fail("gives an attribute a name that is no string");
            }

            // An OrderedDict's only attribute is the state dict's _metadata (module versions): of no use here.
            if (dict.IsNamespace)
            {
                dict.Set(name, value);
            }
        }
    }

    private void SetItems(PickleDict dict, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
        {
            throw Fail("sets a key without a value");
        }

        for (int i = 0; i < pairs.Length; i += 2)
        {
            SetItem(dict, pairs[i], pairs[i + 1]);
        }
    }

    private void SetItem(PickleDict dict, object? key, object? value)
    {
        if (key is not (string or long or BigInteger))
        {
            throw Fail("has a dict key that is neither a string nor an integer");
        }

        CountObject();
        dict.Set(key, value);
    }

    private void PushGlobal(string module, string name) =>
        Push(PickleGlobals.Find(module, name) ?? throw file.Fail(PickleGlobals.Refusal(module, name)));

    private void PushTuple(int count)
    {
        if (stack.Count - Fence < count)
        {
            throw Fail("takes more from its stack than is on it");
        }

        object?[] items = CollectionsMarshal.AsSpan(stack)[^count..].ToArray();
        stack.RemoveRange(stack.Count - count, count);
        Push(NewTuple(items));
    }

    private PickleTuple NewTuple(object?[] items) => items.Length == 0 ? PickleTuple.Empty : NewObject(new PickleTuple(items));

    private PickleList PeekList(bool isSet) =>
        Peek() is PickleList list && list.IsSet == isSet ? list : throw Fail("adds elements to something that is no list or set");

    private PickleDict PeekDict() =>
        Peek() is PickleDict { IsNamespace: false } dict ? dict : throw Fail("sets items of something that is no dict");

    private void Push(object? value) => stack.Add(value);

    private object? Peek() => stack.Count > Fence ? stack[^1] : throw Fail("takes more from its stack than is on it");

    private object? Pop()
    {
        object? value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopToMark()
    {
        if (marks.Count == 0)
        {
            throw Fail("looks for a mark that is not there");
        }

        int from = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        object?[] items = CollectionsMarshal.AsSpan(stack)[from..].ToArray();
        stack.RemoveRange(from, items.Length);
        return items;
    }

    private void Remember(long index)
    {
        object? value = Peek();
        CountObject();
        memo[index] = value;
    }

    private void Recall(long index) => Push(memo.TryGetValue(index, out object? value) ? value : throw Fail($"recalls memo entry {index}, which was never made"));

    private T NewObject<T>(T value)
    {
        CountObject();
        return value;
    }

    private void CountObject()
    {
        if (++objects > MaxObjects)
        {
            throw Fail($"makes more than {MaxObjects} objects; no checkpoint does");
        }
    }

    private byte TakeByte() => TakeSpan(1)[0];

    /// <summary>A length of 4 or 8 bytes, checked to lie within the rest of the pickle.</summary>
    private int TakeLength(int size)
    {
        ReadOnlySpan<byte> field = TakeSpan(size);
        ulong length = size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(field) : BinaryPrimitives.ReadUInt64LittleEndian(field);
        return length <= (ulong)(bytes.Length - position) ? (int)length : throw Fail($"states a length of {length} bytes with {bytes.Length - position} left");
    }

    private ReadOnlySpan<byte> TakeSpan(int length, bool keep = false)
    {
        if (length > bytes.Length - position)
        {
            throw Fail("is cut off");
        }

        ReadOnlySpan<byte> span = bytes.AsSpan(position, length);
        position += keep ? 0 : length;
        return span;
    }

    private string TakeText(int length)
    {
        CountObject();
        return Decode(TakeSpan(length));
    }

    private string TakeLine()
    {
        ReadOnlySpan<byte> rest = bytes.AsSpan(position);
        int end = rest[..Math.Min(rest.Length, MaxLine)].IndexOf((byte)'\n');
        if (end < 0)
        {
            throw Fail("has a line without an end");
        }

        position += end + 1;
        return Decode(rest[..end]);
    }

    private string Decode(ReadOnlySpan<byte> text)
    {
        try
        {
            return StrictUtf8.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            throw Fail("has a string that is not valid UTF-8");
        }
    }

    private object ParseInteger(string digits)
    {
        CountObject();
        return digits.Length <= MaxIntegerBytes && BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger number)
            ? Narrow(number)
            : throw Fail($"has an integer {Text.Quote(digits)} that is none");
    }

    private object ReadInteger(int length)
    {
        if (length is < 0 or > MaxIntegerBytes)
        {
            throw Fail($"has an integer of {length} bytes");
        }

        CountObject();
        return Narrow(new BigInteger(TakeSpan(length)));
    }

    /// <summary>A long where it fits. Both arms are objects: else the long would be widened again.</summary>
    private static object Narrow(BigInteger number) => number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number;

    private CheckpointException Fail(string reason) => file.Fail($"its pickle {reason} (at byte {operation} of data.pkl).");

    private static string NameOf(byte opcode) => opcode switch
    {
        (byte)'P' => "PERSID",
        (byte)'i' => "INST",
        (byte)'o' => "OBJ",
        0x82 or 0x83 or 0x84 => "EXT",
        0x92 => "NEWOBJ_EX",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => $"0x{opcode:X2}",
    };

    /// <summary>Values that occur often, boxed once.</summary>
    private static class Boxes
    {
        public static readonly object True = true;
        public static readonly object False = false;
        private static readonly object[] Bytes = [.. Enumerable.Range(0, 256).Select(i => (object)(long)i)];

        public static object Of(byte value) => Bytes[value];
    }
}
