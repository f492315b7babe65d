namespace M2UGen.Export.Checkpoints.Torch;

// What can come out of a pickle besides null, bool, long, BigInteger, double and string. All are inert: they hold other values and do nothing.

/// <summary>Something with parts that have names: keys or indexes.</summary>
internal abstract class PickleContainer
{
    /// <summary>The walk of <see cref="PickleNames"/> that wrote <see cref="Leaves"/> last. Kept here because a table of a million containers costs more than they do.</summary>
    public object? Walk { get; set; }

    /// <summary>How many wanted leaves are below, shared ones counted once a path; negative while being counted.</summary>
    public long Leaves { get; set; }

    /// <summary>The parts' values, in order.</summary>
    public abstract IReadOnlyList<object?> Parts { get; }
}

/// <summary>A dict, an OrderedDict, or the attributes of an argparse.Namespace.</summary>
internal sealed class PickleDict(bool isNamespace = false, bool acceptsState = false) : PickleContainer
{
    private Dictionary<object, object?>? items;

    /// <summary>Whether this stands for an argparse.Namespace.</summary>
    public bool IsNamespace { get; } = isNamespace;

    /// <summary>Whether BUILD may give it a state: OrderedDict (its _metadata attribute is dropped) and Namespace.</summary>
    public bool AcceptsState { get; } = acceptsState;

    /// <summary>Keys (string, long, BigInteger) and values in the order of first insertion.</summary>
    public IReadOnlyDictionary<object, object?> Items => items ?? Empty;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Parts => items is null ? [] : [.. items.Values];

    private static Dictionary<object, object?> Empty { get; } = [];

    /// <summary>Sets a key; the last value wins, as in Python.</summary>
    public void Set(object key, object? value) => (items ??= new(KeyComparer.Instance))[key] = value;

    /// <summary>Keys by value, hashed with a seed of this process so that a file cannot aim at one bucket.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? x, object? y) => object.Equals(x, y);

        // A long's own hash is known to everyone: its halves, one over the other.
        public int GetHashCode(object obj) => obj is long number ? HashCode.Combine((int)number, (int)(number >> 32)) : obj.GetHashCode();
    }
}

/// <summary>A list, a set or a frozenset.</summary>
internal sealed class PickleList(bool isSet = false) : PickleContainer
{
    private List<object?>? items;

    /// <summary>The elements, to add to.</summary>
    public List<object?> Items => items ??= [];

    /// <summary>The elements of a list. Those of a set have no names, since their order means nothing.</summary>
    public override IReadOnlyList<object?> Parts => items is null || IsSet ? [] : items;

    /// <summary>Whether this is a set.</summary>
    public bool IsSet { get; } = isSet;
}

/// <summary>A tuple or a torch.Size.</summary>
internal sealed class PickleTuple(object?[] items) : PickleContainer
{
    /// <summary>The empty tuple.</summary>
    public static PickleTuple Empty { get; } = new([]);

    /// <summary>The elements.</summary>
    public object?[] Items { get; } = items;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Parts => Items;
}

/// <summary>A value that is kept from being misread, but not shown: bytes, a torch.device.</summary>
internal sealed class PickleOpaque
{
    /// <summary>The only instance.</summary>
    public static PickleOpaque Instance { get; } = new();
}

/// <summary>A global that the allow-list knows, on its way to being called or used as an argument.</summary>
/// <param name="Name">Module and name as the pickle spells them.</param>
/// <param name="Kind">What it stands for.</param>
/// <param name="Type">The element type, for storages and dtypes.</param>
internal sealed record PickleGlobal(string Name, PickleGlobalKind Kind, TensorElementType? Type = null);

/// <summary>A storage: a stretch of the archive with numbers of one type.</summary>
/// <param name="Type">The numbers' type; null where only bytes are counted (UntypedStorage).</param>
/// <param name="Position">Byte offset in the file.</param>
/// <param name="Count">Number of elements, or of bytes.</param>
internal sealed record PickleStorage(TensorElementType? Type, long Position, long Count);

/// <summary>A tensor as a view into a storage, checked to lie inside it.</summary>
internal sealed record PickleTensor(PickleStorage Storage, TensorElementType Type, long Offset, long[] Shape, long[] Strides);
