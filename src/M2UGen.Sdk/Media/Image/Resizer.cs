using System.Numerics;
using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Media.Image;

/// <summary>Bilinear resize of 8-bit pictures, equal to PIL's in every bit.</summary>
/// <remarks>
/// Rows are resized first, rounded to bytes, and then mixed into output rows; a direction that does not change is left out. Pillow 9.5 (the reference's
/// pin) always goes in this order; Pillow 13 mixes rows first where the height shrinks and the width grows, and differs by one level there.
/// Only the rows that the current output row needs are kept. Stateless and thread-safe.
/// </remarks>
internal static class Resizer
{
    /// <summary>The longest side, before and after: up to here no sum of weighted bytes leaves an int32.</summary>
    public const int MaxSide = 1 << 22;

    private const int Half = 1 << (ResizeKernel.PrecisionBits - 1);

    /// <summary>Resizes a picture.</summary>
    /// <param name="pixels">[height × width × channels], interleaved, row by row.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">Values of a pixel; each is resized alone.</param>
    /// <param name="newWidth">Pixels of a row of the result.</param>
    /// <param name="newHeight">Rows of the result.</param>
    /// <returns>[newHeight × newWidth × channels].</returns>
    /// <exception cref="ArgumentException">A side is below 1 or above <see cref="MaxSide"/>, the pixels do not fit the sizes, or the result is more than an array holds.</exception>
    public static byte[] Resize(ReadOnlySpan<byte> pixels, int width, int height, int channels, int newWidth, int newHeight)
    {
        CheckSide(width, nameof(width));
        CheckSide(height, nameof(height));
        CheckSide(newWidth, nameof(newWidth));
        CheckSide(newHeight, nameof(newHeight));
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (pixels.Length != (Int128)height * width * channels)
        {
            throw new ArgumentException($"Expected {height} × {width} × {channels} values, found {pixels.Length}.", nameof(pixels));
        }

        ResizeKernel? columns = newWidth == width ? null : new ResizeKernel(width, newWidth);
        ResizeKernel? rows = newHeight == height ? null : new ResizeKernel(height, newHeight);
        Int128 most = (Int128)newWidth * channels * Math.Max(newHeight, rows?.MaxTaps ?? 1);
        if (most > Array.MaxLength)
        {
            throw new ArgumentException($"Resizing to {newHeight} × {newWidth} × {channels} takes {most} bytes; at most {Array.MaxLength} are possible.", nameof(newWidth));
        }

        int rowBytes = newWidth * channels;
        byte[] result = new byte[newHeight * rowBytes];
        if (rows is null)
        {
            for (int y = 0; y < height; y++)
            {
                ResizeRow(Row(pixels, y, width * channels), columns, channels, result.AsSpan(y * rowBytes, rowBytes));
            }

            return result;
        }

        // Row y of the picture, resized, lies at y modulo the most rows that are needed at once.
        byte[] recent = new byte[rows.MaxTaps * rowBytes];
        int[] sums = new int[rowBytes];
        int next = rows.Start(0);
        for (int y = 0; y < newHeight; y++)
        {
            ReadOnlySpan<int> weights = rows.Weights(y);
            int first = rows.Start(y);
            for (next = Math.Max(next, first); next < first + weights.Length; next++)
            {
                ResizeRow(Row(pixels, next, width * channels), columns, channels, recent.AsSpan(next % rows.MaxTaps * rowBytes, rowBytes));
            }

            sums.AsSpan().Fill(Half);
            for (int tap = 0; tap < weights.Length; tap++)
            {
                Accumulate(recent.AsSpan((first + tap) % rows.MaxTaps * rowBytes, rowBytes), weights[tap], sums);
            }

            Span<byte> output = result.AsSpan(y * rowBytes, rowBytes);
            for (int x = 0; x < output.Length; x++)
            {
                output[x] = ToByte(sums[x]);
            }
        }

        return result;
    }

    private static void CheckSide(int side, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(side, MaxSide, name);
    }

    private static ReadOnlySpan<byte> Row(ReadOnlySpan<byte> pixels, int y, int rowBytes) => pixels.Slice(y * rowBytes, rowBytes);

    private static void ResizeRow(ReadOnlySpan<byte> row, ResizeKernel? kernel, int channels, Span<byte> output)
    {
        if (kernel is null)
        {
            row.CopyTo(output);
            return;
        }

        for (int x = 0; x < output.Length / channels; x++)
        {
            ReadOnlySpan<int> weights = kernel.Weights(x);
            ReadOnlySpan<byte> taps = row.Slice(kernel.Start(x) * channels, weights.Length * channels);
            if (channels == 3)
            {
                (int red, int green, int blue) = (Half, Half, Half);
                for (int tap = 0, at = 0; tap < weights.Length; tap++, at += 3)
                {
                    int weight = weights[tap];
                    red += weight * taps[at];
                    green += weight * taps[at + 1];
                    blue += weight * taps[at + 2];
                }

                (output[3 * x], output[(3 * x) + 1], output[(3 * x) + 2]) = (ToByte(red), ToByte(green), ToByte(blue));
                continue;
            }

            for (int channel = 0; channel < channels; channel++)
            {
                int sum = Half;
                for (int tap = 0, at = channel; tap < weights.Length; tap++, at += channels)
                {
                    sum += weights[tap] * taps[at];
                }

                output[(x * channels) + channel] = ToByte(sum);
            }
        }
    }

    /// <summary>sums += weight · row.</summary>
    private static void Accumulate(ReadOnlySpan<byte> row, int weight, Span<int> sums)
    {
        int x = 0;
        Vector<int> weights = new(weight);
        Span<Vector<int>> wide = MemoryMarshal.Cast<int, Vector<int>>(sums);
        for (int at = 0; x <= row.Length - Vector<byte>.Count; x += Vector<byte>.Count, at += 4)
        {
            Vector.Widen(new Vector<byte>(row[x..]), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low, out Vector<uint> a, out Vector<uint> b);
            Vector.Widen(high, out Vector<uint> c, out Vector<uint> d);
            wide[at] += Vector.AsVectorInt32(a) * weights;
            wide[at + 1] += Vector.AsVectorInt32(b) * weights;
            wide[at + 2] += Vector.AsVectorInt32(c) * weights;
            wide[at + 3] += Vector.AsVectorInt32(d) * weights;
        }

        for (; x < row.Length; x++)
        {
            sums[x] += weight * row[x];
        }
    }

    // Weights are never negative, and so are sums; rounded weights may add up to a little more than one.
    private static byte ToByte(int sum) => (byte)Math.Min(sum >> ResizeKernel.PrecisionBits, byte.MaxValue);
}
