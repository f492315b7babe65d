using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>T5's relative attention bias: one learned number per head and bucket of key position minus query position.</summary>
/// <remarks>
/// <code>
/// Range(L) ── key - query [L,L] ── Clip(-d, d) ── + d ── Gather(table [2d+1, heads]) ── Transpose ── [1, heads, L, L]
/// </code>
/// Beyond the largest distance d all positions share a bucket, so the bucket formula is worked out at export into a table over -d..d.
/// Source: arXiv:1910.10683; transformers modeling_t5.py, T5Attention._relative_position_bucket.
/// </remarks>
internal static class RelativePositionBias
{
    /// <summary>Adds the bias for all pairs of positions.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/position_bias</c>.</param>
    /// <param name="length">int64 [1]: the number of positions L.</param>
    /// <param name="weight">[buckets, heads], the learned numbers.</param>
    /// <param name="maxDistance">From this distance on the bucket no longer changes.</param>
    /// <returns>[1, heads, L, L] float: row query, column key.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value length, Weight weight, int maxDistance)
    {
        Value count = graph.Squeeze($"{name}/count", length, 0);
        Value positions = graph.Op("Range", $"{name}/Range", [graph.Int64Scalar(0), count, graph.Int64Scalar(1)]);
        Value relative = graph.Sub($"{name}/relative", graph.Unsqueeze($"{name}/keys", positions, 0), graph.Unsqueeze($"{name}/queries", positions, 1));
        Value clipped = graph.Op("Clip", $"{name}/Clip", [relative, graph.Int64Scalar(-maxDistance), graph.Int64Scalar(maxDistance)]);
        Value rows = graph.Add($"{name}/rows", clipped, graph.Int64Scalar(maxDistance));
        Value picked = Embedding.Emit(graph, name, rows, Unrolled(weight, maxDistance));
        return graph.Unsqueeze($"{name}/Unsqueeze", graph.Transpose($"{name}/Transpose", picked, 2, 0, 1), 0);
    }

    /// <summary>The bucket of a relative position for attention in both directions, in float32 as the reference computes it.</summary>
    /// <param name="relative">Key position minus query position.</param>
    /// <param name="buckets">All buckets; half of them for keys behind the query.</param>
    /// <param name="maxDistance">Larger than a quarter of <paramref name="buckets"/>.</param>
    /// <returns>0 to <paramref name="buckets"/> - 1.</returns>
    public static int Bucket(int relative, int buckets, int maxDistance)
    {
        int half = buckets / 2;
        int direction = relative > 0 ? half : 0;
        int distance = Math.Abs(relative);
        int exact = half / 2;
        if (distance < exact)
        {
            return direction + distance;
        }

        float ratio = MathF.Log((float)distance / exact) / (float)Math.Log((double)maxDistance / exact);
        return direction + Math.Min(half - 1, exact + (int)(ratio * (half - exact)));
    }

    private static Weight Unrolled(Weight weight, int maxDistance)
    {
        int buckets = checked((int)weight.Shape[0]);
        int heads = checked((int)weight.Shape[1]);
        int rows = (2 * maxDistance) + 1;
        return new Weight(weight.Name, [rows, heads], () =>
        {
            float[] learned = weight.Load();
            float[] table = new float[checked(rows * heads)];
            for (int row = 0; row < rows; row++)
            {
                int bucket = Bucket(row - maxDistance, buckets, maxDistance);
                learned.AsSpan(bucket * heads, heads).CopyTo(table.AsSpan(row * heads));
            }

            return table;
        });
    }
}
