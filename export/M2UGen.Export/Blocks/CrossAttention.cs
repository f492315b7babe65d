using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Attention of the codes to the text, for the first rows of the batch only.</summary>
/// <remarks>
/// <code>
/// x [B,S,H] ── first Bc rows ── norm ── Linear(Wq) ── MultiHeadAttention ── Linear(Wo) ── zero rows up to B ── [B,S,H]
///                                                     │       │       │
///                        cross_key_values.i.key ──────┘       │       └── cross_attention_bias [Bc,1,S,L]
///                        cross_key_values.i.value ────────────┘
/// </code>
/// The rows Bc to B-1 are the unconditional halves of classifier-free guidance. Their states are zero after <c>enc_to_dec_proj</c>, whose result is
/// multiplied with their all-zero mask, and the attention has no biases: keys, values and therefore the whole term are exactly zero. It is not computed.
/// Source: transformers modeling_musicgen.py, MusicgenDecoderLayer.
/// </remarks>
internal sealed class CrossAttention
{
    private readonly GraphBuilder _graph;
    private readonly int _heads;
    private readonly int _headSize;
    private readonly Value _rows;
    private readonly Value _padding;
    private readonly Value _bias;

    private CrossAttention(GraphBuilder graph, int heads, int headSize, Value rows, Value padding, Value bias)
    {
        _graph = graph;
        _heads = heads;
        _headSize = headSize;
        _rows = rows;
        _padding = padding;
        _bias = bias;
    }

    /// <summary>Declares <c>cross_attention_bias</c> and computes what all layers share.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">[B, S, H] float: only its shape is used.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="headSize">Size of one.</param>
    public static CrossAttention Declare(GraphBuilder graph, Value x, int heads, int headSize)
    {
        const string Name = "/cross_attention";
        Value bias = graph.Input("cross_attention_bias", DataType.Float, "cross_batch", 1, 1, "text");
        Value rows = graph.Dimension($"{Name}/rows", bias, 0);
        Value text = graph.Dimension($"{Name}/text", bias, 3);
        Value batch = graph.Dimension($"{Name}/batch", x, 0);
        Value sequence = graph.Dimension($"{Name}/sequence", x, 1);

        // Pad's order: begin of every dimension, then end of every dimension.
        Value missing = graph.Sub($"{Name}/missing", batch, rows);
        Value padding = graph.Concat($"{Name}/padding", 0, graph.Int64s(0, 0, 0), missing, graph.Int64s(0, 0));

        // The operator takes one bias row per query.
        Value shape = graph.Concat($"{Name}/bias_shape", 0, rows, graph.Int64s(1), sequence, text);
        Value expanded = graph.Op("Expand", $"{Name}/bias", [bias, shape]);
        return new CrossAttention(graph, heads, headSize, rows, padding, expanded);
    }

    /// <summary>Adds one layer's attention, its norm included.</summary>
    /// <param name="name">Node path, for example <c>/layers.0/encoder_attn</c>.</param>
    /// <param name="layer">Index of the layer's keys and values.</param>
    /// <param name="x">[B, S, H] float.</param>
    /// <param name="normalize">Adds the norm that comes first.</param>
    /// <param name="query">[H, H].</param>
    /// <param name="output">[H, H].</param>
    /// <returns>[B, S, H] float, to be added to <paramref name="x"/>.</returns>
    public Value Emit(string name, int layer, Value x, Func<Value, Value> normalize, Weight query, Weight output)
    {
        Value key = _graph.Input($"cross_key_values.{layer}.key", _graph.Elements, "cross_batch", _heads, "text", _headSize);
        Value value = _graph.Input($"cross_key_values.{layer}.value", _graph.Elements, "cross_batch", _heads, "text", _headSize);
        Value conditional = normalize(_graph.Slice($"{name}/conditional", x, _graph.Int64s(0), _rows, axis: 0));
        Value q = Linear.Emit(_graph, $"{name}/q_proj", conditional, query);
        Value context = _graph.MicrosoftOp(
            "MultiHeadAttention",
            $"{name}/MultiHeadAttention",
            [q, key, value, Value.None, Value.None, _bias],
            ("num_heads", _heads),
            ("scale", (float)(1 / Math.Sqrt(_headSize))));
        Value projected = Linear.Emit(_graph, $"{name}/out_proj", context, output);
        return _graph.Op("Pad", $"{name}/Pad", [projected, _padding]);
    }
}
