using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace M2UGen.Export.Blocks;

/// <summary>The product of two dense float32 matrices, for folding matrices of a checkpoint into one.</summary>
/// <remarks>
/// c[i, j] = fma(a[i, k], b[k, j], c[i, j]) for k = 0, 1, …: one fused step an element in the order of k, whatever the processor's vectors and cores, so an export gives the same
/// bytes everywhere. Blocks of 4 rows and 16 columns stay in registers; 16 columns of b are copied together once, for all rows.
/// </remarks>
internal static class MatrixProduct
{
    private const int BlockRows = 4;
    private const int BlockColumns = 16;

    /// <summary>a b.</summary>
    /// <param name="a">[rows, inner] row-major.</param>
    /// <param name="b">[inner, columns] row-major.</param>
    /// <param name="rows">Rows of a.</param>
    /// <param name="inner">Columns of a, rows of b.</param>
    /// <param name="columns">Columns of b.</param>
    /// <returns>[rows, columns] row-major.</returns>
    public static float[] Multiply(float[] a, float[] b, int rows, int inner, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.LongLength, (long)rows * inner, nameof(a));
        ArgumentOutOfRangeException.ThrowIfNotEqual(b.LongLength, (long)inner * columns, nameof(b));
        float[] product = new float[checked(rows * columns)];
        int panels = (columns + BlockColumns - 1) / BlockColumns;
        Parallel.For(0, panels, () => new float[inner * BlockColumns], (index, _, panel) =>
        {
            int first = index * BlockColumns;
            int width = Math.Min(BlockColumns, columns - first);
            for (int k = 0; k < inner; k++)
            {
                Span<float> row = panel.AsSpan(k * BlockColumns, BlockColumns);
                row.Clear();
                b.AsSpan((k * columns) + first, width).CopyTo(row);
            }

            Span<float> block = stackalloc float[BlockRows * BlockColumns];
            for (int start = 0; start < rows; start += BlockRows)
            {
                int height = Math.Min(BlockRows, rows - start);
                MultiplyBlock(a.AsSpan(start * inner, height * inner), panel, inner, block);
                for (int i = 0; i < height; i++)
                {
                    block.Slice(i * BlockColumns, width).CopyTo(product.AsSpan(((start + i) * columns) + first, width));
                }
            }

            return panel;
        }, _ => { });
        return product;
    }

    /// <summary>Up to four rows times one panel. Rows that are not there repeat the last one; nobody reads their results.</summary>
    private static void MultiplyBlock(ReadOnlySpan<float> rows, ReadOnlySpan<float> panel, int inner, Span<float> block)
    {
        int last = (rows.Length / inner) - 1;
        ref float r0 = ref MemoryMarshal.GetReference(rows);
        ref float r1 = ref MemoryMarshal.GetReference(rows[(Math.Min(1, last) * inner)..]);
        ref float r2 = ref MemoryMarshal.GetReference(rows[(Math.Min(2, last) * inner)..]);
        ref float r3 = ref MemoryMarshal.GetReference(rows[(Math.Min(3, last) * inner)..]);
        ref float columns = ref MemoryMarshal.GetReference(panel);
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (nuint k = 0; k < (nuint)inner; k++)
        {
            Vector256<float> b0 = Vector256.LoadUnsafe(ref columns, k * BlockColumns);
            Vector256<float> b1 = Vector256.LoadUnsafe(ref columns, (k * BlockColumns) + 8);
            Vector256<float> a0 = Vector256.Create(Unsafe.Add(ref r0, k));
            c00 = Vector256.FusedMultiplyAdd(a0, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(a0, b1, c01);
            Vector256<float> a1 = Vector256.Create(Unsafe.Add(ref r1, k));
            c10 = Vector256.FusedMultiplyAdd(a1, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(a1, b1, c11);
            Vector256<float> a2 = Vector256.Create(Unsafe.Add(ref r2, k));
            c20 = Vector256.FusedMultiplyAdd(a2, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(a2, b1, c21);
            Vector256<float> a3 = Vector256.Create(Unsafe.Add(ref r3, k));
            c30 = Vector256.FusedMultiplyAdd(a3, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(a3, b1, c31);
        }

        c00.CopyTo(block);
        c01.CopyTo(block[8..]);
        c10.CopyTo(block[16..]);
        c11.CopyTo(block[24..]);
        c20.CopyTo(block[32..]);
        c21.CopyTo(block[40..]);
        c30.CopyTo(block[48..]);
        c31.CopyTo(block[56..]);
    }
}
