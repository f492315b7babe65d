using System.Globalization;

namespace M2UGen.Export.Checkpoints;

/// <summary>Arithmetic on tensor shapes that cannot overflow unnoticed.</summary>
internal static class Shapes
{
    /// <summary>Most dimensions a tensor may have; torch allows 64 as well.</summary>
    public const int MaxRank = 64;

    /// <summary>The number of elements, or -1 when a size is negative or the product (zeros aside) does not fit 63 bits.</summary>
    /// <remarks>Sizes beside a zero are multiplied too: a shape such as [0, 2^62, 2^62] is a lie even though it has no elements.</remarks>
    public static long TryCount(ReadOnlySpan<long> shape)
    {
        long count = 1;
        bool empty = false;
        foreach (long size in shape)
        {
            if (size < 0)
            {
                return -1;
            }

            if (size == 0)
            {
                empty = true;
                continue;
            }

            Int128 product = (Int128)count * size;
            if (product > long.MaxValue)
            {
                return -1;
            }

            count = (long)product;
        }

        return empty ? 0 : count;
    }

    /// <summary>The number of elements of a shape that a reader has checked.</summary>
    public static long Count(ReadOnlySpan<long> shape)
    {
        long count = TryCount(shape);
        return count >= 0 ? count : throw new ArgumentException($"The shape {Describe(shape.ToArray())} is not one that a tensor can have.", nameof(shape));
    }

    /// <summary>The shape as <c>[2, 3]</c>.</summary>
    public static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape.Select(s => s.ToString(CultureInfo.InvariantCulture)))}]";

    /// <summary>Whether two shapes are the same.</summary>
    public static bool Same(IReadOnlyList<long> left, ReadOnlySpan<long> right)
    {
        if (left.Count != right.Length)
        {
            return false;
        }

        for (int i = 0; i < right.Length; i++)
        {
            if (left[i] != right[i])
            {
                return false;
            }
        }

        return true;
    }
}
