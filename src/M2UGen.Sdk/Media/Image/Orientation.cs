namespace M2UGen.Sdk.Media.Image;

/// <summary>Turns decoded pixels upright while it drops their alpha.</summary>
internal static class Orientation
{
    // Quarter turns read columns; a tile's rows stay in the cache meanwhile.
    private const int Tile = 64;

    /// <summary>Packs pixels in the order that an EXIF orientation asks for.</summary>
    /// <param name="pixels">[height × width × <paramref name="pixelBytes"/>], as stored.</param>
    /// <param name="pixelBytes">Bytes of a pixel, which begin with red, green and blue: 3 or 4.</param>
    /// <param name="width">Pixels of a stored row.</param>
    /// <param name="height">Stored rows.</param>
    /// <param name="orientation">
    /// What brings the stored picture upright: 1 nothing, 2 mirror left and right, 3 half a turn, 4 mirror top and bottom, 5 transpose,
    /// 6 a quarter turn clockwise, 7 transpose over the other diagonal, 8 a quarter turn counter-clockwise. Source: EXIF 2.3, tag 0x0112; PIL ImageOps.exif_transpose.
    /// </param>
    public static ImageFrame Pack(ReadOnlySpan<byte> pixels, int pixelBytes, int width, int height, int orientation)
    {
        byte[] rgb = GC.AllocateUninitializedArray<byte>(width * height * ImageFrame.Channels);
        if (orientation is <= 1 or > 8)
        {
            PackRow(pixels, pixelBytes, rgb);
            return ImageFrame.Own(rgb, width, height);
        }

        // Pixel (x, y) of the result is stored at origin + x * stepX + y * stepY.
        bool turned = orientation >= 5;
        (int newWidth, int newHeight) = turned ? (height, width) : (width, height);
        bool right = orientation is 2 or 3 or 7 or 8;
        bool bottom = orientation is 3 or 4 or 6 or 7;
        int origin = (right ? width - 1 : 0) + ((bottom ? height - 1 : 0) * width);
        int column = right ? -1 : 1;
        int row = bottom ? -width : width;
        (int stepX, int stepY) = turned ? (row, column) : (column, row);

        for (int top = 0; top < newHeight; top += Tile)
        {
            for (int left = 0; left < newWidth; left += Tile)
            {
                for (int y = top; y < Math.Min(top + Tile, newHeight); y++)
                {
                    int from = origin + (y * stepY) + (left * stepX);
                    int to = ((y * newWidth) + left) * ImageFrame.Channels;
                    for (int x = left; x < Math.Min(left + Tile, newWidth); x++, from += stepX, to += ImageFrame.Channels)
                    {
                        pixels.Slice(pixelBytes * from, ImageFrame.Channels).CopyTo(rgb.AsSpan(to));
                    }
                }
            }
        }

        return ImageFrame.Own(rgb, newWidth, newHeight);
    }

    private static void PackRow(ReadOnlySpan<byte> pixels, int pixelBytes, Span<byte> rgb)
    {
        for (int from = 0, to = 0; to < rgb.Length; from += pixelBytes, to += 3)
        {
            rgb[to] = pixels[from];
            rgb[to + 1] = pixels[from + 1];
            rgb[to + 2] = pixels[from + 2];
        }
    }
}
