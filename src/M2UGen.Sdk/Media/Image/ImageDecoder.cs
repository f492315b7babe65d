namespace M2UGen.Sdk.Media.Image;

/// <summary>From a picture's file to its pixels, equal to PIL's <c>convert('RGB')</c>: all formats but TIFF, see <see cref="TiffReader"/>.</summary>
/// <remarks>
/// Each format's own reader looks through the file's structure first: it finds the orientation and the palette, leaves out what has no part in the pixels,
/// and hands the rest to Skia, which decodes. Reference: gradio's picture input (exif_transpose, convert('RGB')) before m2ugen.py encode_image;
/// inference.py leaves out both, see <see cref="ImageDecodeOptions"/>.
/// </remarks>
internal static class ImageDecoder
{
    /// <summary>Decodes a whole file.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="path">For messages; null where there is none.</param>
    /// <param name="options">Habits and limits.</param>
    /// <exception cref="MediaFormatException">It is no picture, is damaged or cut short, or is larger than allowed.</exception>
    public static ImageFrame Decode(ReadOnlyMemory<byte> file, string? path, ImageDecodeOptions options)
    {
        ImageFormat? format = ImageSignature.Of(file.Span);
        try
        {
            PreparedImage image = format switch
            {
                ImageFormat.Png => PngFile.Prepare(file),
                ImageFormat.Jpeg => JpegFile.Prepare(file),
                ImageFormat.Webp => WebpFile.Prepare(file),
                ImageFormat.Gif => GifFile.Prepare(file),
                ImageFormat.Bmp => BmpFile.Prepare(file),
                _ => throw new ImageException("this is no picture of a kind that is read: PNG, JPEG, WebP, GIF, BMP or TIFF."),
            };
            return SkiaDecoder.Decode(image, options);
        }
        catch (ImageException e)
        {
            throw new MediaFormatException(path, format is null ? e.Message : $"{format.ToString()!.ToUpperInvariant()} picture: {e.Message}", e.InnerException);
        }
    }
}
