using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace M2UGen.Export.Checkpoints;

/// <summary>A safetensors file: 8 bytes of header length, a JSON header, then the tensors without gaps.</summary>
/// <remarks>
/// As strict as the format's description (https://huggingface.co/docs/safetensors): the header starts with '{', is at most 100 MB, names nothing
/// twice, and the tensors cover the data exactly. Unknown members and dtypes are refused by name rather than skipped.
/// </remarks>
internal sealed class SafetensorsFile : Checkpoint
{
    private const long MaxHeader = 100_000_000;

    private readonly CheckpointFile file;
    private readonly Dictionary<string, CheckpointTensor> tensors;
    private readonly Dictionary<string, string> metadata;

    private SafetensorsFile(CheckpointFile file, Dictionary<string, CheckpointTensor> tensors, Dictionary<string, string> metadata)
        : base(file.Path)
    {
        this.file = file;
        this.tensors = tensors;
        this.metadata = metadata;
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, CheckpointTensor> Tensors => tensors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [file.Path];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Reads the header; the result owns <paramref name="file"/>.</summary>
    public static SafetensorsFile Open(CheckpointFile file)
    {
        if (file.Length < 8)
        {
            throw file.Fail($"has {file.Length} bytes; a safetensors file has at least 8.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Read(0, 8));
        if (length < 2 || length > MaxHeader || length > (ulong)(file.Length - 8))
        {
            throw file.Fail($"its header should be {length} bytes long, the file has {file.Length}: cut off, or not a safetensors file.");
        }

        byte[] header = file.Read(8, (int)length);
        if (header[0] != (byte)'{')
        {
            throw file.Fail("its header does not start with '{': not a safetensors file.");
        }

        if (!Utf8.IsValid(header))
        {
            throw file.Fail("its header is not valid UTF-8.");
        }

        List<Entry> entries = [];
        Dictionary<string, string> metadata = [];
        try
        {
            ReadHeader(file, header, entries, metadata);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException: escapes that make no valid string, such as a lone surrogate.
            throw file.Fail($"its header is not the JSON of a safetensors file: {e.Message}", e);
        }

        long dataStart = 8 + (long)length;
        CheckCover(file, entries, file.Length - dataStart);
        Dictionary<string, CheckpointTensor> tensors = new(entries.Count, StringComparer.Ordinal);
        foreach (Entry entry in entries)
        {
            tensors.Add(entry.Name, new StoredTensor(file, entry.Name, entry.Type, entry.Shape, dataStart + entry.Begin));
        }

        return new SafetensorsFile(file, tensors, metadata);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => file.Dispose();

    private static void ReadHeader(CheckpointFile file, byte[] header, List<Entry> entries, Dictionary<string, string> metadata)
    {
        // A true header is three levels deep; the reader keeps its levels in bits, not on the stack.
        Utf8JsonReader reader = new(header, new JsonReaderOptions { MaxDepth = 8 });
        HashSet<string> names = new(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
            {
                throw file.Fail($"its header names {Quote(name)} twice.");
            }

            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw file.Fail($"its header describes {Quote(name)} by something that is no object.");
            }

            if (name == "__metadata__")
            {
                ReadMetadata(file, ref reader, metadata);
            }
            else
            {
                entries.Add(ReadEntry(file, ref reader, name));
            }
        }

        while (reader.Read())
        {
            // Anything but white space behind the object makes the JSON reader throw.
        }
    }

    private static void ReadMetadata(CheckpointFile file, ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw file.Fail($"its __metadata__ holds a value of {Quote(key)} that is no string.");
            }

            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw file.Fail($"its __metadata__ names {Quote(key)} twice.");
            }
        }
    }

    private static Entry ReadEntry(CheckpointFile file, ref Utf8JsonReader reader, string name)
    {
        string? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string member = reader.GetString()!;
            reader.Read();
            switch (member)
            {
                case "dtype" when dtype is null && reader.TokenType == JsonTokenType.String:
                    dtype = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(file, ref reader, name, member, Shapes.MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(file, ref reader, name, member, 2);
                    break;
                default:
                    throw file.Fail($"tensor {Quote(name)} has a member {Quote(member)} that is unknown, repeated or of the wrong kind.");
            }
        }

        if (dtype is null || shape is null || offsets is not { Length: 2 })
        {
            throw file.Fail($"tensor {Quote(name)} lacks one of dtype, shape and two data_offsets.");
        }

        if (TensorElementTypes.FromSafetensorsName(dtype) is not { } type)
        {
            throw file.Fail($"tensor {Quote(name)} has the dtype {Quote(dtype)}, which is not supported.");
        }

        long count = Shapes.TryCount(shape);
        if (count < 0 || (Int128)count * type.Size() != (Int128)offsets[1] - offsets[0])
        {
            throw file.Fail($"tensor {Quote(name)} of shape {Shapes.Describe(shape)} and dtype {dtype} does not fill its data_offsets {Shapes.Describe(offsets)}.");
        }

        return new Entry(name, type, shape, offsets[0], offsets[1]);
    }

    /// <summary>An array of plain decimal integers from 0 to 2^63-1: no sign, fraction or exponent.</summary>
    private static long[] ReadNumbers(CheckpointFile file, ref Utf8JsonReader reader, string name, string member, int most)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw file.Fail($"tensor {Quote(name)} has a {member} that is no array.");
        }

        List<long> numbers = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (numbers.Count == most
                || reader.TokenType != JsonTokenType.Number
                || reader.ValueSpan.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0
                || !reader.TryGetInt64(out long number))
            {
                throw file.Fail($"tensor {Quote(name)} has a {member} that is not at most {most} whole numbers.");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary>The tensors, in the order of their offsets, must cover the data without gap, overlap or rest.</summary>
    private static void CheckCover(CheckpointFile file, List<Entry> entries, long dataLength)
    {
        long end = 0;
        foreach (Entry entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != end)
            {
                throw file.Fail($"tensor {Quote(entry.Name)} begins at {entry.Begin} of the data, the one before it ends at {end}: a gap or an overlap.");
            }

            end = entry.End;
        }

        if (end != dataLength)
        {
            throw file.Fail($"its tensors take {end} bytes, the file has {dataLength} for them: cut off, or with foreign bytes at the end.");
        }
    }

    /// <summary>A name from the file for a message: shortened, control characters replaced.</summary>
    private static string Quote(string text) => Text.Quote(text);

    private readonly record struct Entry(string Name, TensorElementType Type, long[] Shape, long Begin, long End);
}
