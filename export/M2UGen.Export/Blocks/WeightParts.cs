using System.Numerics.Tensors;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Parts of weights, and weights that take over a neighbour's work.</summary>
internal static class WeightParts
{
    /// <summary>Rows <paramref name="start"/> .. start + count - 1 of a weight's first dimension.</summary>
    public static Weight Rows(this Weight weight, long start, long count)
    {
        if (start < 0 || count < 0 || weight.Shape.Count == 0 || start + count > weight.Shape[0])
        {
            throw new InvalidOperationException($"'{weight.Name}' of shape [{string.Join(", ", weight.Shape)}] has no rows {start} to {start + count}.");
        }

        long[] shape = [.. weight.Shape];
        shape[0] = count;
        return new Weight($"{weight.Name}[{start}:{start + count}]", shape, () =>
        {
            long row = shape.Skip(1).Aggregate(1L, (product, size) => product * size);
            float[] elements = new float[checked(count * row)];

            // The weight is read through, and only these rows are kept: the table that eight of them come from may have half a gigabyte.
            using RangeSink range = new(start * row, elements);
            weight.WriteTo(range);
            return elements;
        });
    }

    /// <summary>A matrix [rows, columns] whose columns are multiplied by <paramref name="factors"/> [columns]: W x of a scaled x.</summary>
    public static Weight TimesColumns(this Weight matrix, Weight factors)
    {
        CheckColumns(matrix, factors);
        return new Weight($"{matrix.Name} * {factors.Name}", matrix.Shape, () =>
        {
            float[] elements = matrix.Load();
            float[] scales = factors.Load();
            for (int row = 0; row < elements.Length; row += scales.Length)
            {
                TensorPrimitives.Multiply(elements.AsSpan(row, scales.Length), scales, elements.AsSpan(row, scales.Length));
            }

            return elements;
        });
    }

    /// <summary>A bias [rows] plus what a matrix [rows, columns] makes of <paramref name="shift"/> [columns]: W (x + shift) + b without the shift.</summary>
    public static Weight Plus(this Weight bias, Weight matrix, Weight shift)
    {
        CheckColumns(matrix, shift);
        return new Weight($"{bias.Name} + {matrix.Name} {shift.Name}", bias.Shape, () =>
        {
            float[] result = bias.Load();
            float[] elements = matrix.Load();
            float[] shifts = shift.Load();
            for (int row = 0; row < result.Length; row++)
            {
                // In double: the sum replaces one that the reference takes element by element with others.
                double sum = result[row];
                for (int column = 0; column < shifts.Length; column++)
                {
                    sum += (double)elements[(row * shifts.Length) + column] * shifts[column];
                }

                result[row] = (float)sum;
            }

            return result;
        });
    }

    private static void CheckColumns(Weight matrix, Weight vector)
    {
        if (matrix.Shape.Count != 2 || vector.Shape.Count != 1 || matrix.Shape[1] != vector.Shape[0])
        {
            throw new InvalidOperationException($"'{matrix.Name}' [{string.Join(", ", matrix.Shape)}] has no column for each element of '{vector.Name}' [{string.Join(", ", vector.Shape)}].");
        }
    }

    /// <summary>Keeps the elements from <paramref name="first"/> on, as many as fit.</summary>
    private sealed class RangeSink(long first, float[] kept) : FloatSink
    {
        private long _position;

        protected override void Take(ReadOnlySpan<float> elements)
        {
            long from = Math.Max(first, _position);
            long to = Math.Min(first + kept.Length, _position + elements.Length);
            if (from < to)
            {
                elements.Slice((int)(from - _position), (int)(to - from)).CopyTo(kept.AsSpan((int)(from - first)));
            }

            _position += elements.Length;
        }
    }
}
