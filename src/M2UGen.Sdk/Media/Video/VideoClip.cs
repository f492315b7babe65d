using M2UGen.Sdk.Media;
using M2UGen.Sdk.Media.Video;

namespace M2UGen.Sdk;

/// <summary>A film: what its file says, and its frames, which are read when they are needed and never all held.</summary>
/// <remarks>Immutable and safe to share between threads. Plain managed data: nothing to dispose.</remarks>
public sealed class VideoClip
{
    private readonly IReadOnlyList<ImageFrame> _frames;
    private readonly MediaOptions _options;

    private VideoClip(MediaSource? source, FilmFacts? facts, IReadOnlyList<ImageFrame> frames, MediaOptions options)
    {
        Source = source;
        Facts = facts;
        _frames = frames;
        _options = options;
    }

    /// <summary>Columns of a frame as it is shown: upright, after the file's rotation.</summary>
    public int Width => Facts is null ? _frames[0].Width : Facts.Orientation >= 5 ? Facts.Height : Facts.Width;

    /// <summary>Rows of a frame as it is shown: upright, after the file's rotation.</summary>
    public int Height => Facts is null ? _frames[0].Height : Facts.Orientation >= 5 ? Facts.Width : Facts.Height;

    /// <summary>Frames that the film shows, counted, whatever its header says.</summary>
    public int FrameCount => Facts?.FrameTimes.Count ?? _frames.Count;

    /// <summary>How long the whole film lasts; a sound track that is longer than the pictures counts.</summary>
    public TimeSpan Duration { get; private init; }

    /// <summary>Whether there is sound; <see cref="AudioClip.LoadAsync(MediaSource, CancellationToken)"/> reads it from the same source.</summary>
    public bool HasAudio => Facts is { HasAudio: true };

    /// <summary>Where the film comes from; null for one that was made from frames.</summary>
    public MediaSource? Source { get; }

    /// <summary>Frames as the container's header counts them; 0 where it does not (WebM, Matroska). The reference's frame choice goes by this number.</summary>
    internal int HeaderFrameCount => Facts?.HeaderFrameCount ?? _frames.Count;

    /// <summary>What the file says; null for a film that was made from frames.</summary>
    internal FilmFacts? Facts { get; }

    /// <summary>Opens a film of a file: its header is read and its frames are counted.</summary>
    /// <remarks>Most films are counted without decoding them; one that is damaged, or of an older codec, is decoded once for it.</remarks>
    /// <exception cref="MediaFormatException">There are no moving pictures in it, it is damaged, or it exceeds the default <see cref="MediaOptions"/>.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg or no ffprobe.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static Task<VideoClip> OpenAsync(string path, CancellationToken cancellationToken = default) => OpenAsync(MediaSource.FromFile(path), MediaOptions.Default, cancellationToken);

    /// <summary>Opens a film of a file, bytes or a stream.</summary>
    /// <inheritdoc cref="OpenAsync(string, CancellationToken)"/>
    public static Task<VideoClip> OpenAsync(MediaSource source, CancellationToken cancellationToken = default) => OpenAsync(source, MediaOptions.Default, cancellationToken);

    /// <summary>Opens a film of a file, bytes or a stream, with limits of the caller's own, which hold for its frames too.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <inheritdoc cref="OpenAsync(string, CancellationToken)"/>
    public static async Task<VideoClip> OpenAsync(MediaSource source, MediaOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        using MediaFile file = await source.OpenFileAsync(options.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        FilmFacts facts = await FilmProbe.RunAsync(source, file, options, cancellationToken).ConfigureAwait(false);
        return new VideoClip(source, facts, [], options) { Duration = TimeSpan.FromSeconds(facts.Seconds) };
    }

    /// <summary>Makes a film of pictures, upright and in order; it has no sound.</summary>
    /// <param name="frames">At least one, all of the same size.</param>
    /// <param name="duration">How long the film lasts; the music for it becomes as long.</param>
    /// <exception cref="ArgumentException">There is no frame, they differ in size, or the duration is not above zero.</exception>
    public static VideoClip FromFrames(IReadOnlyList<ImageFrame> frames, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
        if (frames.Count == 0)
        {
            throw new ArgumentException("A film needs at least one frame.", nameof(frames));
        }

        foreach (ImageFrame frame in frames)
        {
            ArgumentNullException.ThrowIfNull(frame, nameof(frames));
            if ((frame.Width, frame.Height) != (frames[0].Width, frames[0].Height))
            {
                throw new ArgumentException($"Frames of one film have one size; found {frames[0].Width} x {frames[0].Height} and {frame.Width} x {frame.Height}.", nameof(frames));
            }
        }

        return new VideoClip(source: null, facts: null, [.. frames], MediaOptions.Default) { Duration = duration };
    }

    /// <summary>Writes the film's pictures, copied as they are, with another sound into a new file; it appears under its name only when it is complete.</summary>
    /// <remarks>
    /// The name's ending chooses the container and the codec of the sound: .mp4, .m4v, .mov and .mkv AAC, .webm Opus (for films of VP8, VP9 or AV1). Sound that is longer or
    /// shorter than the pictures stays so. The film itself is never overwritten; another file of the name is replaced.
    /// </remarks>
    /// <param name="path">The new file.</param>
    /// <param name="audio">The new sound, not empty.</param>
    /// <param name="cancellationToken">Stops writing; nothing is left then.</param>
    /// <exception cref="ArgumentException">The ending is unknown or cannot hold the film's codec, the path is the film's own, or the sound is empty.</exception>
    /// <exception cref="InvalidOperationException">The film was made from frames and has no file.</exception>
    /// <exception cref="MediaFormatException">ffmpeg could not copy the film.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public Task SaveWithAudioAsync(string path, AudioClip audio, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(audio);
        return Source is not null && Facts is not null
            ? SoundtrackWriter.WriteAsync(Source, Facts, audio, path, _options, cancellationToken)
            : throw new InvalidOperationException("The film was made from frames; only a film that was opened from a file can be saved with sound.");
    }

    /// <summary>Frames by their numbers; the film is decoded once, from its beginning to the last of them.</summary>
    /// <param name="indices">From 0 to <see cref="FrameCount"/> - 1, in any order, also repeated.</param>
    /// <param name="applyRotation">True: upright. False: as they are stored.</param>
    /// <param name="cancellationToken">Stops decoding.</param>
    /// <returns>A frame for each index.</returns>
    /// <exception cref="MediaFormatException">No frame can be decoded, or the frames exceed the limits that the film was opened with.</exception>
    internal async Task<IReadOnlyList<ImageFrame>> ReadFramesAsync(IReadOnlyList<int> indices, bool applyRotation, CancellationToken cancellationToken)
    {
        foreach (int index in indices)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(indices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, FrameCount, nameof(indices));
        }

        return Source is not null && Facts is not null
            ? await FrameReader.ReadAsync(Source, Facts, indices, applyRotation, _options, cancellationToken).ConfigureAwait(false)
            : [.. indices.Select(index => _frames[index])];
    }
}
