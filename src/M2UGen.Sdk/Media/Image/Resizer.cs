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

        ResizeKernel? rows = newHeight == height ? null : new ResizeKernel(height, newHeight);
        Int128 most = (Int128)newWidth * channels * Math.Max(newHeight, rows?.MaxTaps ?? 1);
        if (most > Array.MaxLength)
        {
            throw new ArgumentException($"Resizing to {newHeight} × {newWidth} × {channels} takes {most} bytes; at most {Array.MaxLength} are possible.", nameof(newWidth));
        }

        int rowBytes = newWidth * channels;
        RowResizer columns = new(width, newWidth, channels);
        byte[] result = new byte[newHeight * rowBytes];
        if (rows is null)
        {
            for (int y = 0; y < height; y++)
            {
                columns.Resize(pixels, y, result.AsSpan(y * rowBytes, rowBytes));
            }

            return result;
        }

        // Row y of the picture, resized, lies at y modulo the most rows that are needed at once.
        byte[] recent = new byte[rows.MaxTaps * rowBytes];
        int next = rows.Start(0);
        for (int y = 0; y < newHeight; y++)
        {
            ReadOnlySpan<int> weights = rows.Weights(y);
            int first = rows.Start(y);
            for (next = Math.Max(next, first); next < first + weights.Length; next++)
            {
                columns.Resize(pixels, next, recent.AsSpan(next % rows.MaxTaps * rowBytes, rowBytes));
            }

            RowMixer.Mix(recent, first % rows.MaxTaps, weights, result.AsSpan(y * rowBytes, rowBytes));
        }

        return result;
    }

    private static void CheckSide(int side, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(side, MaxSide, name);
    }
}
