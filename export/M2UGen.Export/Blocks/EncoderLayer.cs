using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Sizes and form that all layers of a transformer encoder share.</summary>
internal sealed record EncoderLayerForm
{
    /// <summary>Width of the states.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the feed-forward part.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Number of attention heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Inside the feed-forward part.</summary>
    public required Activation Activation { get; init; }

    /// <summary>Of the layer norms.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Whether each part's input is normalised (pre-norm), or the sum behind it (post-norm).</summary>
    public required bool IsPreNorm { get; init; }

    /// <summary>Factor of what bypasses a part: DeepNorm's α (arXiv:2203.00555), otherwise 1.</summary>
    public float BypassScale { get; init; } = 1;
}

/// <summary>The weights of one layer.</summary>
internal sealed record EncoderLayerWeights
{
    public required SelfAttentionWeights Attention { get; init; }

    public required NormWeights AttentionNorm { get; init; }

    /// <summary>[ffn, d].</summary>
    public required LinearWeights Up { get; init; }

    /// <summary>[d, ffn].</summary>
    public required LinearWeights Down { get; init; }

    public required NormWeights FeedForwardNorm { get; init; }
}

/// <summary>A layer of a transformer encoder.</summary>
/// <remarks>
/// <code>
/// pre-norm:   x ─┬─ norm ─ part ─ + ─         post-norm:  x ─┬─ part ─ + ─ norm ─
///                └────────────────┘                          └─ × α ──┘
/// </code>
/// The parts are self attention and a feed-forward of two matrices. Source: arXiv:2002.04745; transformers modeling_vit.py ViTLayer, modeling_hubert.py HubertEncoderLayer and HubertEncoderLayerStableLayerNorm.
/// </remarks>
internal static class EncoderLayer
{
    /// <summary>Adds a layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/layers.0</c>.</param>
    /// <param name="x">[B, T, d] float.</param>
    /// <param name="weights">The layer's weights.</param>
    /// <param name="form">What it shares with the others.</param>
    /// <param name="mask">[B, T] int32, 1 where a position may be looked at and 0 where not; none: all may be.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, EncoderLayerWeights weights, EncoderLayerForm form, Value mask = default)
    {
        x = Part("attention", x, weights.AttentionNorm, input => SelfAttention.Emit(graph, $"{name}/attention", input, weights.Attention, form.Heads, mask));
        return Part("feed_forward", x, weights.FeedForwardNorm, input =>
        {
            Value inner = Linear.Emit(graph, $"{name}/feed_forward/up", input, weights.Up.Weight, weights.Up.Bias);
            inner = Activations.Emit(graph, $"{name}/feed_forward/act", inner, form.Activation);
            return Linear.Emit(graph, $"{name}/feed_forward/down", inner, weights.Down.Weight, weights.Down.Bias);
        });

        Value Part(string part, Value input, NormWeights norm, Func<Value, Value> emit)
        {
            string path = $"{name}/{part}_norm";
            Value result = emit(form.IsPreNorm ? Normalize(path, input, norm) : input);
            Value bypass = form.BypassScale == 1 ? input : graph.Mul($"{name}/{part}/bypass", input, graph.FloatScalar(form.BypassScale));
            Value sum = graph.Add($"{name}/{part}/Add_bypass", bypass, result);
            return form.IsPreNorm ? sum : Normalize(path, sum, norm);
        }

        Value Normalize(string path, Value input, NormWeights norm) => LayerNorm.Emit(graph, path, input, norm.Weight, norm.Bias, form.Epsilon);
    }
}
