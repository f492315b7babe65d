using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Twice as many rows and columns, each a copy of its neighbour.</summary>
/// <remarks>
/// <code>
/// x [B,C,Y,X] ── Resize(nearest, × 2) ── (cut to the target's size) ── [B,C,2Y,2X]
/// </code>
/// A target of odd size 2n - 1 lies over n rows as well: index floor(i n / (2n - 1)) is floor(i / 2) for all its rows, so cutting the last one is exact.
/// Source: diffusers 0.21.4 resnet.py, Upsample2D.
/// </remarks>
internal static class NearestUpsample
{
    /// <summary>Adds the copy.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/up_blocks.0/upsamplers.0</c>.</param>
    /// <param name="x">[B, C, Y, X] float.</param>
    /// <param name="target">[.., .., Y', X'] with Y' = 2Y or 2Y - 1 and X' likewise: only its shape is used; absent for 2Y and 2X.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Value target = default)
    {
        Value doubled = graph.Op(
            "Resize",
            $"{name}/Resize",
            [x, Value.None, graph.Floats(1, 1, 2, 2)],
            ("mode", "nearest"),
            ("nearest_mode", "floor"),
            ("coordinate_transformation_mode", "asymmetric"));
        if (target.IsNone)
        {
            return doubled;
        }

        Value size = graph.Op("Shape", $"{name}/size", [target], ("start", 2), ("end", 4));
        return graph.Op("Slice", $"{name}/Slice", [doubled, graph.Int64s(0, 0), size, graph.Int64s(2, 3)]);
    }
}
