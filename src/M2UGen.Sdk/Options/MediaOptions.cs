namespace M2UGen.Sdk;

/// <summary>What reading sound, pictures and films may cost at most, so that a hostile or mistaken file fails at once, and which ffmpeg reads them. Immutable.</summary>
public sealed record MediaOptions
{
    /// <summary>All values at their defaults.</summary>
    public static MediaOptions Default { get; } = new();

    /// <summary>The ffmpeg program, or the directory in which it lies; ffprobe must lie beside it. WAV files and pictures other than TIFF need neither.</summary>
    /// <value>Null: the first one on PATH.</value>
    public string? FFmpegPath { get; init; }

    /// <summary>How long ffmpeg may work on one file before it is stopped.</summary>
    /// <value>10 minutes. Above 0, to 24 hours.</value>
    public TimeSpan FFmpegTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The largest file that is read, in bytes. A WAV file on disk is limited by its sound alone (<see cref="MaxDuration"/>, <see cref="MaxDecodedBytes"/>).</summary>
    /// <value>2 GiB. 1 or more; streams are held in memory and so never longer than one array.</value>
    public long MaxFileBytes { get; init; } = 2L << 30;

    /// <summary>The longest sound or film that is read.</summary>
    /// <value>6 hours. Above 0, to 1000 hours.</value>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromHours(6);

    /// <summary>The most memory that decoded sound (4 bytes for each sample of each channel), or the frames taken from a film (3 bytes a pixel), may use.</summary>
    /// <value>2 GiB: about 100 minutes of 44.1 kHz stereo. 1 or more.</value>
    public long MaxDecodedBytes { get; init; } = 2L << 30;

    /// <summary>The most pixels of a picture, or of one frame of a film.</summary>
    /// <value>100 million. 1 or more.</value>
    public int MaxPixels { get; init; } = 100_000_000;

    /// <summary>The most frames of a film.</summary>
    /// <value>1 million: about 9 hours at 30 frames a second. 1 or more.</value>
    public int MaxFrames { get; init; } = 1_000_000;

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(MediaOptions);
        check.NotEmpty(Owner, nameof(FFmpegPath), FFmpegPath);
        check.Duration(Owner, nameof(FFmpegTimeout), FFmpegTimeout, TimeSpan.FromHours(24));
        check.AtLeast(Owner, nameof(MaxFileBytes), MaxFileBytes, 1);
        check.Duration(Owner, nameof(MaxDuration), MaxDuration, TimeSpan.FromHours(1000));
        check.AtLeast(Owner, nameof(MaxDecodedBytes), MaxDecodedBytes, 1);
        check.AtLeast(Owner, nameof(MaxPixels), MaxPixels, 1);
        check.AtLeast(Owner, nameof(MaxFrames), MaxFrames, 1);
    }

    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message lists all that are.</exception>
    internal void ThrowIfInvalid()
    {
        OptionsCheck check = new();
        Check(check);
        check.ThrowIfAny();
    }
}
