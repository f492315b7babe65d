namespace M2UGen.Sdk.Media.Image;

/// <summary>How a picture is decoded, and up to which size.</summary>
internal sealed record ImageDecodeOptions
{
    /// <summary>True: the picture is turned upright as its EXIF orientation says. False: as stored, which is what the reference's inference.py does.</summary>
    public bool ApplyOrientation { get; init; } = true;

    /// <summary>True: a palette's indices become grey values, which is what the reference's inference.py does. False: its colours.</summary>
    public bool PaletteIndicesAsGrey { get; init; }

    /// <summary>Limits of size, and where ffmpeg is.</summary>
    public MediaOptions Limits { get; init; } = MediaOptions.Default;
}
