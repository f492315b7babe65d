using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Root mean square normalisation over the last dimension: y = x / sqrt(mean(x²) + eps) * weight.</summary>
/// <remarks>
/// <code>
/// plain:      x ── SimplifiedLayerNormalization ── y
/// with skip:  x ─┐
///          skip ─┼─ SkipSimplifiedLayerNormalization ─┬─ y = norm(x + skip + bias)
///          bias ─┘                                    └─ sum = x + skip + bias
/// </code>
/// Source: arXiv:1910.07467; reference <c>llama.py RMSNorm</c>.
/// </remarks>
internal static class RmsNorm
{
    /// <summary>Adds the normalisation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/norm</c>.</param>
    /// <param name="x">[.., dim] float.</param>
    /// <param name="weight">[dim].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, float epsilon)
        => graph.Op(
            "SimplifiedLayerNormalization",
            $"{name}/SimplifiedLayerNormalization",
            [x, graph.Weight($"{Linear.InitializerPath(name)}.weight", weight)],
            ("axis", -1),
            ("epsilon", epsilon),
            ("stash_type", 1));

    /// <summary>Adds the residual sum and its normalisation in one node.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path.</param>
    /// <param name="x">[B, S, dim] float.</param>
    /// <param name="skip">[B, S, dim] float.</param>
    /// <param name="weight">[dim].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="bias">[dim], added to every position; may be a value of run time. Absent by default.</param>
    /// <returns>The normalised sum and the sum itself.</returns>
    public static (Value Normalized, Value Sum) EmitWithSkip(GraphBuilder graph, string name, Value x, Value skip, Weight weight, float epsilon, Value bias = default)
    {
        Value gamma = graph.Weight($"{Linear.InitializerPath(name)}.weight", weight);
        string node = $"{name}/SkipSimplifiedLayerNormalization";
        string normalized = $"{node}/output_0";
        string sum = $"{node}/sum";

        // Outputs 1 and 2 are the mean and the inverse deviation: for training only, left out.
        graph.Node(
            "SkipSimplifiedLayerNormalization",
            "com.microsoft",
            node,
            bias.IsNone ? [x, skip, gamma] : [x, skip, gamma, bias],
            [normalized, "", "", sum],
            [("epsilon", epsilon)]);
        return (new Value(normalized), new Value(sum));
    }
}
