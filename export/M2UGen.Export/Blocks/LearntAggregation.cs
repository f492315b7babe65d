using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>M2UGen's learnt sum over an encoder's tokens or states: one weight a row, one bias for all.</summary>
/// <remarks>
/// <code>
/// x [B,N,H] ── MatMul(w [1,N] · x) ── Add(b) ── Squeeze ── [B,H]
/// </code>
/// Source: reference m2ugen.py, <c>mu_mert_agg</c>, <c>iu_vit_agg</c>, <c>iu_vivit_agg</c>: nn.Conv1d(N, 1, kernel_size=1).
/// </remarks>
internal static class LearntAggregation
{
    /// <summary>The weights as a checkpoint stores them: <c>name.weight</c> [1, N, 1] and <c>name.bias</c> [1].</summary>
    /// <param name="map">The checkpoint's tensors.</param>
    /// <param name="name">For example <c>mu_mert_agg</c>.</param>
    /// <param name="count">N.</param>
    /// <returns>[1, N] and [1].</returns>
    public static LinearWeights Read(WeightMap map, string name, int count)
        => new(map.Require($"{name}.weight", 1, count, 1).Reshaped(1, count), map.Require($"{name}.bias", 1));

    /// <summary>Adds the sum.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/aggregation</c>.</param>
    /// <param name="x">[B, N, H] float.</param>
    /// <param name="weights">[1, N] and [1].</param>
    /// <returns>[B, H] float.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value x, LinearWeights weights)
    {
        string path = Linear.InitializerPath(name);
        Value sum = graph.MatMul($"{name}/MatMul", graph.Weight($"{path}.weight", weights.Weight), x);
        Value shifted = graph.Add($"{name}/Add", sum, graph.Weight($"{path}.bias", weights.Bias ?? throw new InvalidOperationException("A learnt aggregation has a bias.")));
        return graph.Squeeze($"{name}/Squeeze", shifted, 1);
    }
}
