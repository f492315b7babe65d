namespace M2UGen.Sdk.Media.Video;

/// <summary>What a film's file says and what counting its frames gave.</summary>
internal sealed record FilmFacts
{
    /// <summary>The number of the picture stream in the file.</summary>
    public required int Stream { get; init; }

    /// <summary>The picture stream's codec, by ffmpeg's name.</summary>
    public required string Codec { get; init; }

    /// <summary>Columns of a stored frame.</summary>
    public required int Width { get; init; }

    /// <summary>Rows of a stored frame.</summary>
    public required int Height { get; init; }

    /// <summary>Frames as the header counts them; 0 where it does not.</summary>
    public required int HeaderFrameCount { get; init; }

    /// <summary>Degrees as ffprobe prints the display matrix; -90: a quarter turn clockwise stands the picture upright.</summary>
    public required int Rotation { get; init; }

    /// <summary>What stands a frame upright, as an EXIF orientation, 1 to 8.</summary>
    public required int Orientation { get; init; }

    /// <summary>Whether there is a sound stream.</summary>
    public required bool HasAudio { get; init; }

    /// <summary>Length of the whole file, in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>When each frame is shown, in seconds, rising: as many as there are frames.</summary>
    public required IReadOnlyList<double> FrameTimes { get; init; }
}
