using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Layer normalisation over the last dimension: y = (x - mean) / sqrt(variance + eps) * weight + bias.</summary>
internal static class LayerNorm
{
    /// <summary>The default of torch's <c>nn.LayerNorm</c>.</summary>
    public const float TorchEpsilon = 1e-5f;

    /// <summary>Adds the normalisation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/layers.0/final_layer_norm</c>.</param>
    /// <param name="x">[.., dim] float.</param>
    /// <param name="weight">[dim].</param>
    /// <param name="bias">[dim].</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, Weight bias, float epsilon = TorchEpsilon)
    {
        string path = Linear.InitializerPath(name);
        return graph.Op(
            "LayerNormalization",
            $"{name}/LayerNormalization",
            [x, graph.Weight($"{path}.weight", weight), graph.Weight($"{path}.bias", bias)],
            ("axis", -1),
            ("epsilon", epsilon));
    }
}
