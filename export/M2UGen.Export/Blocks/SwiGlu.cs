using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>The gated feed-forward layer of LLaMA: y = W2 (silu(W1 x + b1) * (W3 x + b3)) + b2.</summary>
/// <remarks>
/// <code>
///      ┌─ Linear(w1) ── silu ─┐
/// x ───┤                      Mul ── Linear(w2) ── y
///      └─ Linear(w3) ─────────┘
/// </code>
/// Source: arXiv:2002.05202; reference <c>llama.py FeedForward</c>. silu(x) = x * sigmoid(x) is QuickGelu with alpha 1 in ONNX Runtime, one node.
/// </remarks>
internal static class SwiGlu
{
    /// <summary>Adds the layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/layers.0/feed_forward</c>.</param>
    /// <param name="x">[.., dim] float.</param>
    /// <param name="gate">w1 [ffn, dim] with its bias.</param>
    /// <param name="up">w3 [ffn, dim] with its bias.</param>
    /// <param name="down">w2 [dim, ffn] with its bias.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, LinearWeights gate, LinearWeights up, LinearWeights down)
    {
        Value gated = Silu(graph, $"{name}/silu", Linear.Emit(graph, $"{name}/w1", x, gate.Weight, gate.Bias));
        Value hidden = graph.Mul($"{name}/Mul", gated, Linear.Emit(graph, $"{name}/w3", x, up.Weight, up.Bias));
        return Linear.Emit(graph, $"{name}/w2", hidden, down.Weight, down.Bias);
    }

    /// <summary>x * sigmoid(x).</summary>
    public static Value Silu(GraphBuilder graph, string name, Value x) => graph.MicrosoftOp("QuickGelu", name, [x], ("alpha", 1f));
}

/// <summary>Weight [out, in] and bias [out] of a fully connected layer.</summary>
internal readonly record struct LinearWeights(Weight Weight, Weight? Bias = null);
