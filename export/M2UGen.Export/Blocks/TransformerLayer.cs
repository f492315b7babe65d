using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>A layer norm's weight and bias, each [d].</summary>
internal readonly record struct NormWeights(Weight Weight, Weight Bias);

/// <summary>torch.nn.MultiheadAttention: query, key and value packed in one matrix [3d, d] with bias [3d]; output [d, d] with bias.</summary>
internal sealed record PackedAttentionWeights(Weight Input, Weight InputBias, Weight Output, Weight OutputBias);

/// <summary>The weights of one layer of torch.nn.Transformer; <see cref="Cross"/> and its norm exist in decoder layers only.</summary>
internal sealed record TransformerLayerWeights
{
    /// <summary>Attention within the sequence.</summary>
    public required PackedAttentionWeights Self { get; init; }

    /// <summary>Attention to the encoder's output.</summary>
    public PackedAttentionWeights? Cross { get; init; }

    /// <summary>linear1 [ffn, d].</summary>
    public required LinearWeights Up { get; init; }

    /// <summary>linear2 [d, ffn].</summary>
    public required LinearWeights Down { get; init; }

    /// <summary>norm1, norm2 and, with cross attention, norm3.</summary>
    public required IReadOnlyList<NormWeights> Norms { get; init; }
}

/// <summary>A layer of torch.nn.Transformer as it is by default: normalisation behind each part (post-norm), ReLU, no masks.</summary>
/// <remarks>
/// <code>
/// x ─┬─ self attention ─ Add ─ norm1 ─┬─ cross attention ─ Add ─ norm2 ─┬─ linear1 ─ ReLU ─ linear2 ─ Add ─ norm ── y
///    └───────────────────┘            └──────(memory)─────┘             └─────────────────────────────┘
///                                     decoder layers only
/// </code>
/// Source: arXiv:1706.03762; torch.nn.TransformerEncoderLayer and TransformerDecoderLayer with norm_first False.
/// </remarks>
internal static class TransformerLayer
{
    /// <summary>Adds a layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/tfm/encoder/layers.0</c>.</param>
    /// <param name="x">[B, T, d] float.</param>
    /// <param name="memory">[B, S, d]: the encoder's output, for layers with cross attention.</param>
    /// <param name="weights">The layer's weights.</param>
    /// <param name="heads">The number of heads; d is a multiple of it.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Value memory, TransformerLayerWeights weights, int heads)
    {
        int norm = 0;
        x = AddNorm(x, Attention(graph, $"{name}/self_attn", x, x, weights.Self, heads));
        if (weights.Cross is { } cross)
        {
            x = AddNorm(x, Attention(graph, $"{name}/multihead_attn", x, memory, cross, heads));
        }

        Value hidden = graph.Op("Relu", $"{name}/Relu", [Linear.Emit(graph, $"{name}/linear1", x, weights.Up.Weight, weights.Up.Bias)]);
        return AddNorm(x, Linear.Emit(graph, $"{name}/linear2", hidden, weights.Down.Weight, weights.Down.Bias));

        Value AddNorm(Value residual, Value change)
        {
            string path = $"{name}/norm{norm + 1}";
            NormWeights parameters = weights.Norms[norm++];
            return LayerNorm.Emit(graph, path, graph.Add($"{path}/Add", residual, change), parameters.Weight, parameters.Bias);
        }
    }

    private static Value Attention(GraphBuilder graph, string name, Value query, Value memory, PackedAttentionWeights weights, int heads)
    {
        long width = weights.Output.Shape[0];
        Value q = Project("q", query, 0);
        Value k = Project("k", memory, 1);
        Value v = Project("v", memory, 2);
        Value context = graph.MicrosoftOp("MultiHeadAttention", $"{name}/MultiHeadAttention", [q, k, v], ("num_heads", heads));
        return Linear.Emit(graph, $"{name}/out_proj", context, weights.Output, weights.OutputBias);

        Value Project(string part, Value from, int index)
            => Linear.Emit(graph, $"{name}/{part}_proj", from, weights.Input.Rows(index * width, width), weights.InputBias.Rows(index * width, width));
    }
}
