using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Normalisation over groups of neighbouring channels and all positions: torch's <c>nn.GroupNorm</c>.</summary>
/// <remarks>
/// <code>
/// x [B,C,Y,X] ── Reshape [B,G,C/G·Y·X] ── InstanceNormalization ── Reshape [B,C,Y·X] ── * weight ── + bias ── [B,C,Y·X]
/// </code>
/// ONNX Runtime has no GroupNorm on a CPU, but a group is an instance of as many elements. Source: arXiv:1803.08494.
/// </remarks>
internal static class GroupNorm
{
    /// <summary>Adds the normalisation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/mid_block/resnets.0/norm1</c>.</param>
    /// <param name="x">[B, C, ..] float.</param>
    /// <param name="weights">[C] and [C].</param>
    /// <param name="groups">G, which divides C.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>[B, C, positions] float.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value x, NormWeights weights, int groups, float epsilon)
    {
        long channels = weights.Weight.Shape[0];
        string path = Linear.InitializerPath(name);
        Value normalized = EmitPlain(graph, name, x, channels, groups, epsilon);
        Value scaled = graph.Mul($"{name}/Mul", normalized, graph.Weight($"{path}.weight", weights.Weight.Reshaped(channels, 1)));
        return graph.Add($"{name}/Add", scaled, graph.Weight($"{path}.bias", weights.Bias.Reshaped(channels, 1)));
    }

    /// <summary>Adds the normalisation without weight and bias, for a caller who folds them into the next layer.</summary>
    /// <returns>[B, C, positions] float.</returns>
    public static Value EmitPlain(GraphBuilder graph, string name, Value x, long channels, int groups, float epsilon)
    {
        Value grouped = graph.Reshape($"{name}/groups", x, 0, groups, -1);
        Value ones = graph.Floats(Enumerable.Repeat(1f, groups).ToArray());
        Value zeros = graph.Floats(new float[groups]);
        Value normalized = graph.Op("InstanceNormalization", $"{name}/InstanceNormalization", [grouped, ones, zeros], ("epsilon", epsilon));
        return graph.Reshape($"{name}/channels", normalized, 0, channels, -1);
    }

    /// <summary>The weights of a layer.</summary>
    public static NormWeights Read(WeightMap weights, string layer, long channels)
        => new(weights.Require($"{layer}.weight", channels), weights.Require($"{layer}.bias", channels));
}
