namespace M2UGen.Sdk;

/// <summary>A film: what its file says, and its frames, which are read when they are needed and never all held.</summary>
/// <remarks>Immutable and safe to share between threads. Plain managed data: nothing to dispose.</remarks>
public sealed class VideoClip
{
    private VideoClip(MediaSource? source) => Source = source;

    /// <summary>Columns of a frame as it is shown: upright, after the file's rotation.</summary>
    public int Width { get; private init; }

    /// <summary>Rows of a frame as it is shown: upright, after the file's rotation.</summary>
    public int Height { get; private init; }

    /// <summary>Frames that the film shows, counted, whatever its header says.</summary>
    public int FrameCount { get; private init; }

    /// <summary>How long the whole film lasts; a sound track that is longer than the pictures counts.</summary>
    public TimeSpan Duration { get; private init; }

    /// <summary>Whether there is sound; <see cref="AudioClip.LoadAsync(MediaSource, CancellationToken)"/> reads it from the same source.</summary>
    public bool HasAudio { get; private init; }

    /// <summary>Where the film comes from; null for one that was made from frames.</summary>
    public MediaSource? Source { get; }

    /// <summary>Frames as the container's header counts them; 0 where it does not (WebM, Matroska). The reference's frame choice goes by this number.</summary>
    internal int HeaderFrameCount { get; private init; }

    /// <summary>Opens a film: its header is read and its frames are counted.</summary>
    /// <exception cref="MediaFormatException">It is no film, is damaged, or exceeds the default <see cref="MediaOptions"/>.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static Task<VideoClip> OpenAsync(string path, CancellationToken cancellationToken = default) => OpenAsync(MediaSource.FromFile(path), MediaOptions.Default, cancellationToken);

    /// <inheritdoc cref="OpenAsync(string, CancellationToken)"/>
    public static Task<VideoClip> OpenAsync(MediaSource source, CancellationToken cancellationToken = default) => OpenAsync(source, MediaOptions.Default, cancellationToken);

    /// <inheritdoc cref="OpenAsync(string, CancellationToken)"/>
    public static Task<VideoClip> OpenAsync(MediaSource source, MediaOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        throw new MediaToolException("ffmpeg", "Films cannot be read yet.");
    }
}
