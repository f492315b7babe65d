namespace M2UGen.Sdk.Runtime;

/// <summary>Keys and values of all layers of one request, allocated once and written in place by the graph.</summary>
/// <remarks>
/// Layout [batch, heads, capacity, head size], one tensor a layer and side. The same memory is bound as past and as present,
/// so no step copies the cache (GroupQueryAttention writes the new rows at the position that <c>seqlens_k</c> gives).
/// In 8 bits the cache takes a quarter of the room, and attention over a long context less than half of the time.
/// </remarks>
internal sealed class KVCache : IDisposable
{
    /// <summary>What the names of a graph's cache inputs begin with: it tells a token loop from graphs that run once.</summary>
    public const string InputPrefix = "past_key_values.";

    private readonly NativeTensor[] _keys;
    private readonly NativeTensor[] _values;
    private readonly NativeTensor?[] _keyScales;
    private readonly NativeTensor?[] _valueScales;

    /// <summary>A cache of floats, in the type that the graph keeps them in.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="heads">Heads of keys and values.</param>
    /// <param name="capacity">Positions that fit.</param>
    /// <param name="headSize">Elements of a head, as the graph has it.</param>
    public KVCache(IOnnxModel model, int layers, int batch, int heads, int capacity, int headSize)
        : this(new KVCacheFormat(layers, heads, headSize, KVCacheFormat.KindOf(model.Description), []), batch, capacity)
    {
    }

    /// <summary>A cache as a graph wants it.</summary>
    /// <param name="format">Sizes, element type and scales.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="capacity">Positions that fit.</param>
    public KVCache(KVCacheFormat format, int batch, int capacity)
    {
        int channels = format.Heads * format.HeadSize;
        bool isQuantized = format.Kind == TensorElementKind.Int8;
        if (isQuantized && format.Scales.Length != format.Layers * 2 * channels)
        {
            throw new ArgumentException($"{format.Scales.Length} scales for a cache of {format.Layers} layers of {format.Heads} heads of {format.HeadSize}; expected {format.Layers * 2 * channels}. Export the bundle again.", nameof(format));
        }

        Capacity = capacity;
        _keys = new NativeTensor[format.Layers];
        _values = new NativeTensor[format.Layers];
        _keyScales = new NativeTensor?[format.Layers];
        _valueScales = new NativeTensor?[format.Layers];
        try
        {
            for (int layer = 0; layer < format.Layers; layer++)
            {
                _keys[layer] = Allocate();
                _values[layer] = Allocate();
                if (isQuantized)
                {
                    _keyScales[layer] = ScalesOf(2 * layer);
                    _valueScales[layer] = ScalesOf((2 * layer) + 1);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        NativeTensor Allocate() => NativeTensor.Allocate(format.Kind, batch, format.Heads, capacity, format.HeadSize);

        NativeTensor ScalesOf(int side) => NativeTensor.Of<float>(format.Scales.AsSpan(side * channels, channels), 1, format.Heads, 1, format.HeadSize);
    }

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; }

    /// <summary>Positions that are filled; the owner of the loop advances it after each run.</summary>
    public int Length { get; private set; }

    /// <summary>Binds the cache as <c>past_key_values.N.*</c> and, in place, as <c>present.N.*</c>.</summary>
    public void Bind(IModelRun run)
    {
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            run.BindInput($"past_key_values.{layer}.key", _keys[layer]);
            run.BindInput($"past_key_values.{layer}.value", _values[layer]);
            run.BindOutput($"present.{layer}.key", _keys[layer]);
            run.BindOutput($"present.{layer}.value", _values[layer]);
            if (_keyScales[layer] is { } keyScales && _valueScales[layer] is { } valueScales)
            {
                run.BindInput($"past_key_values.{layer}.key_scale", keyScales);
                run.BindInput($"past_key_values.{layer}.value_scale", valueScales);
            }
        }
    }

    /// <summary>Whether an input of a graph is a layer's keys or values; the scales of an 8-bit cache are beside them.</summary>
    public static bool Holds(TensorSpec input) =>
        input.Name.StartsWith(InputPrefix, StringComparison.Ordinal) && (input.Name.EndsWith(".key", StringComparison.Ordinal) || input.Name.EndsWith(".value", StringComparison.Ordinal));

    /// <summary>The keys of a layer, [batch, heads, capacity, head size]: for measuring.</summary>
    internal NativeTensor Keys(int layer) => _keys[layer];

    /// <summary>The values of a layer, [batch, heads, capacity, head size]: for measuring.</summary>
    internal NativeTensor Values(int layer) => _values[layer];

    /// <summary>Counts positions that a run has just filled.</summary>
    public void Advance(int positions)
    {
        if (Length + positions > Capacity)
        {
            throw new InvalidOperationException($"The cache holds {Capacity} positions; {Length} are filled and {positions} more were written.");
        }

        Length += positions;
    }

    /// <summary>Forgets all positions; the memory is used again.</summary>
    public void Reset() => Truncate(0);

    /// <summary>Forgets the positions behind the first <paramref name="length"/>; the memory is used again.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    public void Dispose()
    {
        foreach (NativeTensor? tensor in (ReadOnlySpan<NativeTensor?>)[.. _keys, .. _values, .. _keyScales, .. _valueScales])
        {
            tensor?.Dispose();
        }
    }
}
