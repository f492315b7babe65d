namespace M2UGen.Sdk.Runtime;

/// <summary>Keys and values of all layers of one request, allocated once and written in place by the graph.</summary>
/// <remarks>
/// Layout [batch, heads, capacity, head size] float32, one tensor a layer and side. The same memory is bound as past and as present,
/// so no step copies the cache (GroupQueryAttention writes the new rows at the position that <c>seqlens_k</c> gives).
/// </remarks>
internal sealed class KVCache : IDisposable
{
    private readonly NativeTensor[] _keys;
    private readonly NativeTensor[] _values;

    public KVCache(int layers, int batch, int heads, int capacity, int headSize)
    {
        Capacity = capacity;
        _keys = new NativeTensor[layers];
        _values = new NativeTensor[layers];
        try
        {
            for (int layer = 0; layer < layers; layer++)
            {
                _keys[layer] = NativeTensor.Allocate<float>(batch, heads, capacity, headSize);
                _values[layer] = NativeTensor.Allocate<float>(batch, heads, capacity, headSize);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
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
        }
    }

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
    public void Reset() => Length = 0;

    public void Dispose()
    {
        foreach (NativeTensor? tensor in _keys)
        {
            tensor?.Dispose();
        }

        foreach (NativeTensor? tensor in _values)
        {
            tensor?.Dispose();
        }
    }
}
