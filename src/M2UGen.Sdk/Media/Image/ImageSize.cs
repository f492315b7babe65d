namespace M2UGen.Sdk.Media.Image;

/// <summary>Whether a picture of the size that its header states may be decoded.</summary>
internal static class ImageSize
{
    // An array holds 2^31 bytes, and a decoder makes 4 of each pixel.
    private const int LargestPixels = int.MaxValue / 4;

    /// <exception cref="ImageException">It is too large.</exception>
    public static void Check(long width, long height, MediaOptions limits)
    {
        long most = Math.Min(limits.MaxPixels, LargestPixels);
        if (width > most || width * height > most)
        {
            throw new ImageException($"{width} x {height} pixels are more than the {most} that are read (MediaOptions.MaxPixels).");
        }

        if (Math.Max(width, height) > Resizer.MaxSide)
        {
            throw new ImageException($"a side of {Math.Max(width, height)} pixels is longer than {Resizer.MaxSide}.");
        }
    }
}
