using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Blocks;

/// <summary>The inputs and outputs by which a decoder's key/value cache enters and leaves a graph, in place: the caller binds one buffer as past and as present.</summary>
/// <remarks>
/// <code>
/// seqlens_k int32 [batch]            tokens in the cache after this call, minus one, for every row
/// total_sequence_length int32 []     the largest of them plus one
/// past_key_values.{i}.key|value      float, float16 (in graphs of float16) or int8 [batch, kv heads, capacity, padded head size]
/// present.{i}.key|value              the same buffers
/// past_key_values.{i}.*_scale        float [1, kv heads, 1, padded head size]; int8 only
/// </code>
/// </remarks>
internal sealed class KVCachePorts
{
    private readonly GraphBuilder _graph;
    private readonly TensorDimension _batch;
    private readonly HeadShape _heads;

    private KVCachePorts(GraphBuilder graph, TensorDimension batch, HeadShape heads, bool isQuantized, Value sequenceLengths, Value totalLength)
    {
        _graph = graph;
        _batch = batch;
        _heads = heads;
        IsQuantized = isQuantized;
        SequenceLengths = sequenceLengths;
        TotalLength = totalLength;
    }

    /// <summary>Whether keys and values are kept in 8 bits, with a scale for every channel.</summary>
    public bool IsQuantized { get; }

    private DataType Type => IsQuantized ? DataType.Int8 : _graph.Elements;

    /// <summary>int32 [batch]: total tokens minus one.</summary>
    public Value SequenceLengths { get; }

    /// <summary>int32 scalar.</summary>
    public Value TotalLength { get; }

    /// <summary>Declares <c>seqlens_k</c> and <c>total_sequence_length</c>. The caches of the layers follow with <see cref="Past"/> as the layers are written.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="batch">The batch dimension: a number, or a name where it varies.</param>
    /// <param name="heads">The heads whose keys and values are kept.</param>
    /// <param name="isQuantized">Whether they are kept in 8 bits.</param>
    public static KVCachePorts Declare(GraphBuilder graph, TensorDimension batch, HeadShape heads, bool isQuantized = false)
    {
        Value lengths = graph.Input("seqlens_k", DataType.Int32, batch);
        Value total = graph.Input("total_sequence_length", DataType.Int32);
        return new KVCachePorts(graph, batch, heads, isQuantized, lengths, total);
    }

    /// <summary>Declares the cache inputs of one layer.</summary>
    internal (Value Key, Value Value) Past(int layer)
        => (_graph.Input($"past_key_values.{layer}.key", Type, _batch, _heads.KeyValueHeads, "capacity", _heads.PaddedHeadSize),
            _graph.Input($"past_key_values.{layer}.value", Type, _batch, _heads.KeyValueHeads, "capacity", _heads.PaddedHeadSize));

    /// <summary>Declares the scales of one layer's cache: value = number × scale.</summary>
    internal (Value Key, Value Value) Scales(int layer)
        => (_graph.Input($"past_key_values.{layer}.key_scale", DataType.Float, 1, _heads.KeyValueHeads, 1, _heads.PaddedHeadSize),
            _graph.Input($"past_key_values.{layer}.value_scale", DataType.Float, 1, _heads.KeyValueHeads, 1, _heads.PaddedHeadSize));

    /// <summary>Declares the cache outputs of one layer and gives the names that the attention node must write to.</summary>
    internal (string Key, string Value) Present(int layer)
    {
        string key = $"present.{layer}.key";
        string value = $"present.{layer}.value";
        _graph.Output(key, new Value(key), Type, _batch, _heads.KeyValueHeads, "capacity", _heads.PaddedHeadSize);
        _graph.Output(value, new Value(value), Type, _batch, _heads.KeyValueHeads, "capacity", _heads.PaddedHeadSize);
        return (key, value);
    }
}
