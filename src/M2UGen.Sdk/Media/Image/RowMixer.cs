using System.Numerics;

namespace M2UGen.Sdk.Media.Image;

/// <summary>The second pass of a resize: rows are mixed into one.</summary>
internal static class RowMixer
{
    /// <summary>Writes a row that is the weighted sum of others.</summary>
    /// <param name="rows">A ring of rows as long as <paramref name="output"/>.</param>
    /// <param name="first">Where in the ring the first of them lies; the others follow.</param>
    /// <param name="weights">One for each row that is mixed.</param>
    /// <param name="output">The row.</param>
    public static void Mix(ReadOnlySpan<byte> rows, int first, ReadOnlySpan<int> weights, Span<byte> output)
    {
        int ring = rows.Length / output.Length;
        int x = 0;

        // A block of columns through all rows, so that its sums stay in registers.
        for (; x <= output.Length - Vector<byte>.Count; x += Vector<byte>.Count)
        {
            Vector<int> a = new(ResizeKernel.Half), b = a, c = a, d = a;
            int row = first;
            foreach (int value in weights)
            {
                Vector<int> weight = new(value);
                Vector.Widen(new Vector<byte>(rows[((row * output.Length) + x)..]), out Vector<ushort> low, out Vector<ushort> high);
                Vector.Widen(low, out Vector<uint> lowest, out Vector<uint> lower);
                Vector.Widen(high, out Vector<uint> upper, out Vector<uint> uppermost);
                a += Vector.AsVectorInt32(lowest) * weight;
                b += Vector.AsVectorInt32(lower) * weight;
                c += Vector.AsVectorInt32(upper) * weight;
                d += Vector.AsVectorInt32(uppermost) * weight;
                row = row + 1 == ring ? 0 : row + 1;
            }

            Vector.Narrow(Vector.Narrow(ToByte(a), ToByte(b)), Vector.Narrow(ToByte(c), ToByte(d))).CopyTo(output[x..]);
        }

        for (; x < output.Length; x++)
        {
            int sum = ResizeKernel.Half;
            int row = first;
            foreach (int weight in weights)
            {
                sum += weight * rows[(row * output.Length) + x];
                row = row + 1 == ring ? 0 : row + 1;
            }

            output[x] = ResizeKernel.ToByte(sum);
        }
    }

    private static Vector<uint> ToByte(Vector<int> sums) => Vector.AsVectorUInt32(Vector.Min(sums >> ResizeKernel.PrecisionBits, new Vector<int>(byte.MaxValue)));
}
