namespace M2UGen.Sdk.Media.Image;

/// <summary>Finds the orientation in a block of EXIF data, which is a small TIFF structure, or in a TIFF file itself.</summary>
/// <remarks>Anything out of order means "upright": a picture is not refused for its metadata.</remarks>
internal static class ExifOrientation
{
    /// <summary>As stored is upright.</summary>
    public const int Upright = 1;

    private const ushort Tag = 0x0112;

    /// <summary>1 to 8.</summary>
    /// <param name="exif">The block, with or without the "Exif\0\0" before it.</param>
    public static int Read(ReadOnlySpan<byte> exif) =>
        new TiffDirectory(exif.StartsWith("Exif\0\0"u8) ? exif[6..] : exif).Number(Tag) is >= 1 and <= 8 and uint value ? (int)value : Upright;
}
