using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Cubic interpolation of rows to more rows, the first on the first and the last on the last: torch's <c>interpolate(mode="bicubic", align_corners=True)</c> along one axis.</summary>
/// <remarks>
/// <code>
/// i · (T-1)/(N-1) ── Floor ─┬─ -1 +0 +1 +2, kept in 0..T-1 ── 4 × Gather(x) ── × w_k ── + ── [B,C,N,F]
///                           └─ t ── w_0(t) .. w_3(t), a = -0.75
/// </code>
/// The operator Resize has the same formula but divides last where torch multiplies by a rounded quotient; a thousand rows on, that moves a row by 1e-4 of the
/// distance between two, which log-spectrograms with silence in them turn into more than the rest of the model's rounding. Source: Keys 1981; torch UpSampleKernel.cpp.
/// </remarks>
internal static class CubicStretch
{
    private const float A = -0.75f;

    /// <summary>Adds the interpolation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path.</param>
    /// <param name="x">[B, C, T, F] float, T at least 1.</param>
    /// <param name="rows">N, at least 2.</param>
    /// <returns>[B, C, N, F] float.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value x, int rows)
    {
        // Row numbers of four digits and their fractions.
        using IDisposable float32 = graph.KeepFloat32();
        Value last = graph.Sub($"{name}/last", graph.Cast($"{name}/length", graph.Dimension($"{name}/Shape", x, 2), DataType.Float), graph.FloatScalar(1));
        Value scale = graph.Div($"{name}/scale", last, graph.FloatScalar(rows - 1));
        Weight numbers = Weight.Of("row numbers", [rows], [.. Enumerable.Range(0, rows).Select(row => (float)row)]);
        Value at = graph.Mul($"{name}/at", graph.Weight($"{Linear.InitializerPath(name)}.row_numbers", numbers), scale);
        Value floor = graph.Op("Floor", $"{name}/Floor", [at]);
        Value t = graph.Sub($"{name}/t", at, floor);
        Value s = graph.Sub($"{name}/s", graph.FloatScalar(1), t);
        Value[] weights =
        [
            Outer($"{name}/w0", graph.Add($"{name}/w0/x", t, graph.FloatScalar(1))),
            Inner($"{name}/w1", t),
            Inner($"{name}/w2", s),
            Outer($"{name}/w3", graph.Add($"{name}/w3/x", s, graph.FloatScalar(1))),
        ];
        Value sum = Value.None;
        for (int k = 0; k < weights.Length; k++)
        {
            Value row = graph.Add($"{name}/row{k}/Add", floor, graph.FloatScalar(k - 1));
            row = graph.Op("Min", $"{name}/row{k}/Min", [graph.Op("Max", $"{name}/row{k}/Max", [row, graph.FloatScalar(0)]), last]);
            Value picked = graph.Gather($"{name}/row{k}/Gather", x, graph.Cast($"{name}/row{k}/Cast", row, DataType.Int64), 2);
            Value part = graph.Mul($"{name}/row{k}/Mul", picked, graph.Unsqueeze($"{name}/row{k}/Unsqueeze", weights[k], 1));
            sum = sum.IsNone ? part : graph.Add($"{name}/sum{k}", sum, part);
        }

        return sum;

        // ((a + 2) x - (a + 3)) x² + 1, for distances up to 1
        Value Inner(string path, Value distance)
        {
            Value y = graph.Sub($"{path}/1", graph.Mul($"{path}/0", distance, graph.FloatScalar(A + 2)), graph.FloatScalar(A + 3));
            y = graph.Mul($"{path}/3", graph.Mul($"{path}/2", y, distance), distance);
            return graph.Add($"{path}/4", y, graph.FloatScalar(1));
        }

        // ((a x - 5 a) x + 8 a) x - 4 a, for distances from 1 to 2
        Value Outer(string path, Value distance)
        {
            Value y = graph.Sub($"{path}/1", graph.Mul($"{path}/0", distance, graph.FloatScalar(A)), graph.FloatScalar(5 * A));
            y = graph.Add($"{path}/3", graph.Mul($"{path}/2", y, distance), graph.FloatScalar(8 * A));
            return graph.Sub($"{path}/5", graph.Mul($"{path}/4", y, distance), graph.FloatScalar(4 * A));
        }
    }
}
