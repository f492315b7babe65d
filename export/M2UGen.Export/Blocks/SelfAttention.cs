using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>The four layers of a self attention, each [d, d]; biases may be absent from the first three together.</summary>
internal sealed record SelfAttentionWeights(LinearWeights Query, LinearWeights Key, LinearWeights Value, LinearWeights Output);

/// <summary>Attention of every position to all positions, before and behind it.</summary>
/// <remarks>
/// <code>
/// x [B,T,d] ── Linear(q|k|v) ── Split ── MultiHeadAttention (softmax(q kᵀ / √(d / heads)) v) ── Linear ── [B,T,d]
/// </code>
/// Without a mask or bias the operator works block by block, so memory grows with T and not with T²: a minute of sound has 4500 positions.
/// Sources: arXiv:1706.03762; transformers modeling_hubert.py HubertAttention, modeling_vit.py ViTSelfAttention.
/// </remarks>
internal static class SelfAttention
{
    /// <summary>Adds the attention.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/layers.0/attention</c>.</param>
    /// <param name="x">[B, T, d] float.</param>
    /// <param name="weights">The layers.</param>
    /// <param name="heads">Number of heads; d is a multiple of it.</param>
    /// <param name="mask">[B, T] int32, 1 where a position may be looked at and 0 where not; none: all may be.</param>
    /// <param name="bias">[B or 1, heads, T, T] float, added to the scores; none: nothing is.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, SelfAttentionWeights weights, int heads, Value mask = default, Value bias = default)
    {
        long width = weights.Output.Weight.Shape[0];
        Weight matrix = Weight.Stack($"{name}: q|k|v", weights.Query.Weight, weights.Key.Weight, weights.Value.Weight);
        Weight? packedBias = weights.Query.Bias is { } q && weights.Key.Bias is { } k && weights.Value.Bias is { } v
            ? Weight.Stack($"{name}: q|k|v bias", q, k, v)
            : null;
        Value qkv = Linear.Emit(graph, $"{name}/qkv", x, matrix, packedBias);
        Value[] parts = graph.Ops("Split", $"{name}/Split", 3, [qkv, graph.Int64s(width, width, width)], ("axis", -1));
        Value[] inputs = mask.IsNone && bias.IsNone ? parts : [.. parts, Value.None, mask, bias];
        Value context = graph.MicrosoftOp("MultiHeadAttention", $"{name}/MultiHeadAttention", inputs, ("num_heads", heads));
        return Linear.Emit(graph, $"{name}/out_proj", context, weights.Output.Weight, weights.Output.Bias);
    }
}
