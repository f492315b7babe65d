using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>The projections of one attention layer, as torch stores them.</summary>
internal sealed record AttentionWeights
{
    /// <summary>[heads * size, in].</summary>
    public required Weight Query { get; init; }

    /// <summary>[kv heads * size, in].</summary>
    public required Weight Key { get; init; }

    /// <summary>[kv heads * size, in].</summary>
    public required Weight Value { get; init; }

    /// <summary>[out, heads * size].</summary>
    public required Weight Output { get; init; }

    /// <summary>[heads * size], or null.</summary>
    public Weight? QueryBias { get; init; }

    /// <summary>[kv heads * size], or null.</summary>
    public Weight? KeyBias { get; init; }

    /// <summary>[kv heads * size], or null.</summary>
    public Weight? ValueBias { get; init; }

    /// <summary>[out], or null.</summary>
    public Weight? OutputBias { get; init; }
}

/// <summary>Causal self attention over a cache that is written in place (ONNX Runtime's GroupQueryAttention).</summary>
/// <remarks>
/// <code>
/// x [B,S,in] ── Linear(Wq|Wk|Wv) ── GroupQueryAttention ── Linear(Wo) ── [B,S,out]
///                                    │  │  │      │
///                 past_key_values.i ─┘  │  │      └─ present.i  (same buffer)
///             seqlens_k, total_sequence_length
///                                          └─ cos, sin [positions, size/2]   (rotary models only)
/// </code>
/// One packed projection instead of three; heads are padded to a size the operator takes, see <see cref="HeadShape"/>.
/// Several tokens over a filled cache are allowed for batch 1 only; larger batches may bring several tokens in the first call.
/// </remarks>
internal static class CausalAttention
{
    /// <summary>Adds the layer and its cache ports.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/layers.0/attention</c>.</param>
    /// <param name="layer">The layer's index in the cache.</param>
    /// <param name="x">[B, S, in] float.</param>
    /// <param name="weights">The projections.</param>
    /// <param name="heads">The heads; with <see cref="HeadShape.Rotary"/>, <paramref name="rotary"/> is required.</param>
    /// <param name="ports">The cache's ports.</param>
    /// <param name="rotary">Cosines and sines, or null for models without rotary embedding.</param>
    /// <param name="outputName">Name of the output projection under <paramref name="name"/>: <c>wo</c>, <c>out_proj</c>.</param>
    /// <param name="bias">[B or 1, 1 or heads, S, total length] float, added to the scores beside the causal mask; none: nothing is.</param>
    /// <param name="select">Picks the positions that anybody asks for, before the output projection; null for all.</param>
    /// <returns>[B, S, out] float, or [B, selected, out].</returns>
    public static Value Emit(
        GraphBuilder graph,
        string name,
        int layer,
        Value x,
        AttentionWeights weights,
        HeadShape heads,
        KVCachePorts ports,
        RotaryTables? rotary = null,
        string outputName = "wo",
        Value bias = default,
        Func<Value, Value>? select = null)
    {
        if (heads.Rotary != rotary is not null)
        {
            throw new InvalidOperationException($"Attention '{name}': heads say rotary {heads.Rotary}, tables are {(rotary is null ? "absent" : "given")}.");
        }

        int size = heads.HeadSize;
        int padded = heads.PaddedHeadSize;
        Value qkv = EmitPacked(graph, $"{name}/qkv", x, weights, heads);
        (Value pastKey, Value pastValue) = ports.Past(layer);
        (string presentKey, string presentValue) = ports.Present(layer);
        string context = $"{name}/GroupQueryAttention/output_0";
        Value[] inputs = [qkv, Value.None, Value.None, pastKey, pastValue, ports.SequenceLengths, ports.TotalLength];
        if (rotary is not null || !bias.IsNone || ports.IsQuantized)
        {
            inputs = [.. inputs, rotary?.Cos ?? Value.None, rotary?.Sin ?? Value.None];
        }

        if (!bias.IsNone || ports.IsQuantized)
        {
            inputs = [.. inputs, Value.None, bias];
        }

        NodeAttribute[] attributes =
        [
            ("num_heads", heads.Heads),
            ("kv_num_heads", heads.KeyValueHeads),
            ("scale", heads.Scale),
            ("do_rotary", rotary is null ? 0 : 1),
            ("rotary_interleaved", rotary is null ? 0 : 1),
        ];
        if (ports.IsQuantized)
        {
            (Value keyScale, Value valueScale) = ports.Scales(layer);
            inputs = [.. inputs, Value.None, keyScale, valueScale];
            attributes = [.. attributes, ("k_quant_type", "PER_CHANNEL"), ("v_quant_type", "PER_CHANNEL"), ("kv_cache_bit_width", 8)];
        }

        graph.Node(
            "GroupQueryAttention",
            "com.microsoft",
            $"{name}/GroupQueryAttention",
            inputs,
            [context, presentKey, presentValue],
            attributes);
        Value selected = select is null ? new Value(context) : select(new Value(context));
        return Linear.Emit(graph, $"{name}/{outputName}", selected, weights.Output.PadHeadColumns(heads.Heads, size, padded), weights.OutputBias);
    }

    private static Value EmitPacked(GraphBuilder graph, string name, Value x, AttentionWeights weights, HeadShape heads)
    {
        int size = heads.HeadSize;
        int padded = heads.PaddedHeadSize;
        Weight packed = Weight.Stack(
            $"{weights.Query.Name}|{weights.Key.Name}|{weights.Value.Name}",
            weights.Query.PadHeadRows(heads.Heads, size, padded),
            weights.Key.PadHeadRows(heads.KeyValueHeads, size, padded),
            weights.Value.PadHeadRows(heads.KeyValueHeads, size, padded));
        if (weights.QueryBias is null && weights.KeyBias is null && weights.ValueBias is null)
        {
            return Linear.Emit(graph, name, x, packed);
        }

        Weight bias = Weight.Stack(
            $"biases of {packed.Name}",
            (weights.QueryBias ?? Zeros(heads.Heads)).PadHeadRows(heads.Heads, size, padded),
            (weights.KeyBias ?? Zeros(heads.KeyValueHeads)).PadHeadRows(heads.KeyValueHeads, size, padded),
            (weights.ValueBias ?? Zeros(heads.KeyValueHeads)).PadHeadRows(heads.KeyValueHeads, size, padded));
        return Linear.Emit(graph, name, x, packed, bias);

        Weight Zeros(int count) => Weight.Of("no bias", [(long)count * size], new float[count * size]);
    }
}
