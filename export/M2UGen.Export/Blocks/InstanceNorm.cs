using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Normalisation of each channel over its whole time axis: torch's <c>nn.GroupNorm</c> with as many groups as channels.</summary>
/// <remarks>The statistics are those of all samples given at once, so a piece of a clip comes out differently from the clip.</remarks>
internal static class InstanceNorm
{
    /// <summary>Adds the normalisation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/feature_extractor/conv_layers.0/layer_norm</c>.</param>
    /// <param name="x">[B, C, T] float.</param>
    /// <param name="weights">[C] and [C].</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, NormWeights weights, float epsilon)
    {
        string path = Linear.InitializerPath(name);
        return graph.Op(
            "InstanceNormalization",
            $"{name}/InstanceNormalization",
            [x, graph.Weight($"{path}.weight", weights.Weight), graph.Weight($"{path}.bias", weights.Bias)],
            ("epsilon", epsilon));
    }
}
