using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Pads the last dimension of [B, C, T] on both sides.</summary>
/// <remarks>
/// <code>
/// long enough:  x ── Pad(left, right)
/// may be short: x ── Pad(zeros on the right, until longer than the padding) ── Pad(reflect) ── cut what the zeros added
/// </code>
/// Reflecting needs more elements than it adds. Source: transformers modeling_encodec.py, EncodecConv1d._pad1d.
/// </remarks>
internal static class Pad1d
{
    /// <summary>Adds the padding.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path.</param>
    /// <param name="x">[B, C, T] float.</param>
    /// <param name="left">Elements in front.</param>
    /// <param name="right">Elements behind.</param>
    /// <param name="mode">reflect, edge or constant (zeros).</param>
    /// <param name="shortest">The smallest T that can occur: where it is larger than the padding, one plain node does.</param>
    /// <param name="extra">int64 [1]: further elements behind, known only at run time; absent by default.</param>
    /// <param name="largestExtra">What <paramref name="extra"/> can be at most.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, int left, int right, string mode, long shortest, Value extra = default, int largestExtra = 0)
    {
        if (left == 0 && right == 0 && extra.IsNone)
        {
            return x;
        }

        if (extra.IsNone && (mode != "reflect" || shortest > Math.Max(left, right)))
        {
            return graph.Op("Pad", $"{name}/Pad", [x, graph.Int64s(0, 0, left, 0, 0, right)], ("mode", mode));
        }

        Value behind = extra.IsNone ? graph.Int64s(right) : graph.Add($"{name}/pad_right", extra, graph.Int64s(right));
        Value pads = graph.Concat($"{name}/pads", 0, graph.Int64s(0, 0, left, 0, 0), behind);
        if (mode != "reflect" || shortest > Math.Max(left, right + largestExtra))
        {
            return graph.Op("Pad", $"{name}/Pad", [x, pads], ("mode", mode));
        }

        Value length = graph.Dimension($"{name}/length", x, 2);
        Value largest = graph.Op("Max", $"{name}/largest", [graph.Int64s(left), behind]);
        Value needed = graph.Add($"{name}/needed", graph.Sub($"{name}/beyond", largest, length), graph.Int64s(1));
        Value appended = graph.Op("Max", $"{name}/appended", [needed, graph.Int64s(0)]);
        Value zeros = graph.Concat($"{name}/zeros", 0, graph.Int64s(0, 0, 0, 0, 0), appended);
        Value longer = graph.Op("Pad", $"{name}/Append", [x, zeros], ("mode", "constant"));
        Value padded = graph.Op("Pad", $"{name}/Pad", [longer, pads], ("mode", mode));
        Value end = graph.Add($"{name}/end", graph.Add($"{name}/padded_length", length, behind), graph.Int64s(left));
        return graph.Slice($"{name}/Cut", padded, graph.Int64s(0), end, axis: 2);
    }
}
