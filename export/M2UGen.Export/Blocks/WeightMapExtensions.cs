using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>How architectures ask for weights: by name and shape, where sizes that only the checkpoint knows are left open.</summary>
internal static class WeightMapExtensions
{
    /// <summary>A size that the checkpoint decides.</summary>
    public const long Any = -1;

    /// <summary>A weight that must be there. If it is not, or has another shape, the map notes it and zeros take its place until <see cref="WeightMap.ThrowIfIncomplete"/>.</summary>
    /// <param name="map">The checkpoint's weights.</param>
    /// <param name="name">The name in the map.</param>
    /// <param name="shape">Its sizes; <see cref="Any"/> where the checkpoint decides.</param>
    public static Weight Require(this WeightMap map, string name, params ReadOnlySpan<long> shape)
    {
        if (map.Find(name) is not { } found)
        {
            // A shape with open sizes says nothing to the reader of the list.
            return Weight.From(shape.Contains(Any) ? map.Get(name) : map.Get(name, shape));
        }

        long[] expected = shape.ToArray();
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] == Any)
            {
                expected[i] = i < found.Shape.Count ? found.Shape[i] : 1;
            }
        }

        return Weight.From(map.Get(name, expected));
    }

    /// <summary>A weight that may be absent; where it is present it must have the shape.</summary>
    public static Weight? Optional(this WeightMap map, string name, params ReadOnlySpan<long> shape) => map.Contains(name) ? map.Require(name, shape) : null;

    /// <summary>The shape that a tensor has, or null where it is absent.</summary>
    public static IReadOnlyList<long>? ShapeOf(this WeightMap map, string name) => map.Find(name)?.Shape;

    /// <summary>The first size of a matrix in the checkpoint, or <see cref="Any"/> where it is absent or no matrix.</summary>
    public static long RowsOf(this WeightMap map, string name) => map.ShapeOf(name) is [long rows, _] ? rows : Any;
}
