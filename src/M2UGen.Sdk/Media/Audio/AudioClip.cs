using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk;

/// <summary>A piece of sound in memory: interleaved float samples with their rate.</summary>
/// <remarks>
/// Immutable and safe to share between threads. Samples are nominally in [-1, 1] and never clipped in memory, only when they are written as integers.
/// Plain managed data: nothing to dispose.
/// </remarks>
public sealed class AudioClip
{
    /// <summary>The highest sample rate a clip may have, in Hz.</summary>
    public const int MaxSampleRate = 1_536_000;

    /// <summary>The most channels a clip may have.</summary>
    public const int MaxChannels = 256;

    private AudioClip(ReadOnlyMemory<float> samples, int sampleRate, int channels, string? comment)
    {
        Samples = samples;
        SampleRate = sampleRate;
        Channels = channels;
        Comment = comment;
    }

    /// <summary>The samples, interleaved: [<see cref="SampleCount"/> × <see cref="Channels"/>].</summary>
    public ReadOnlyMemory<float> Samples { get; }

    /// <summary>Samples per second and channel, in Hz.</summary>
    public int SampleRate { get; }

    /// <summary>Interleaved channels: 1 mono, 2 stereo (left, right).</summary>
    public int Channels { get; }

    /// <summary>The text that the file kept beside the sound (RIFF INFO, ICMT), such as a result's manifest, or null.</summary>
    public string? Comment { get; }

    /// <summary>Samples per channel.</summary>
    public int SampleCount => Samples.Length / Channels;

    /// <summary>How long the sound lasts.</summary>
    public TimeSpan Duration => DurationOf(SampleCount, SampleRate);

    /// <summary>Makes a clip from a copy of <paramref name="samples"/>.</summary>
    /// <param name="samples">Interleaved, [samples × channels].</param>
    /// <param name="sampleRate">In Hz, 1 to <see cref="MaxSampleRate"/>.</param>
    /// <param name="channels">1 to <see cref="MaxChannels"/>.</param>
    /// <exception cref="ArgumentException">Rate or channels are out of range, or the samples are no whole number of them.</exception>
    public static AudioClip FromSamples(ReadOnlySpan<float> samples, int sampleRate, int channels = 1) => Own(samples.ToArray(), sampleRate, channels);

    /// <summary>Reads a sound file: WAV (PCM 8/16/24/32, float 32/64, µ-law, A-law; RIFF, RF64 or BW64), and through ffmpeg FLAC, MP3, Ogg, Opus, M4A, AIFF and others, and the sound of films.</summary>
    /// <remarks>
    /// Rate and channels are kept; <see cref="Resample(int)"/> and <see cref="ToMono"/> change them. What an encoder puts before the sound is cut away, and of several sound tracks
    /// the first is taken. A WAV file cut short gives the whole samples it has; a file without any samples gives an empty clip.
    /// </remarks>
    /// <exception cref="MediaFormatException">There is no sound in it, it is damaged, or exceeds the default <see cref="MediaOptions"/>.</exception>
    /// <exception cref="MediaToolException">It is no WAV file, and there is no ffmpeg.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static Task<AudioClip> LoadAsync(string path, CancellationToken cancellationToken = default) => LoadAsync(path, MediaOptions.Default, cancellationToken);

    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static Task<AudioClip> LoadAsync(string path, MediaOptions options, CancellationToken cancellationToken = default) => LoadAsync(MediaSource.FromFile(path), options, cancellationToken);

    /// <summary>Reads a sound file of any format from a stream, from its position on. It stays the caller's and need not be able to seek.</summary>
    /// <remarks>WAV is read as it comes; anything else is read to its end and handed to ffmpeg in a temporary file.</remarks>
    /// <exception cref="MediaFormatException">There is no sound in it, it is damaged, or exceeds the default <see cref="MediaOptions"/>.</exception>
    /// <exception cref="MediaToolException">It is no WAV file, and there is no ffmpeg.</exception>
    public static Task<AudioClip> LoadAsync(Stream stream, CancellationToken cancellationToken = default) => LoadAsync(stream, MediaOptions.Default, cancellationToken);

    /// <inheritdoc cref="LoadAsync(Stream, CancellationToken)"/>
    public static async Task<AudioClip> LoadAsync(Stream stream, MediaOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return From(await SoundReader.ReadAsync(stream, options, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static Task<AudioClip> LoadAsync(MediaSource source, CancellationToken cancellationToken = default) => LoadAsync(source, MediaOptions.Default, cancellationToken);

    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static async Task<AudioClip> LoadAsync(MediaSource source, MediaOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return From(await SoundReader.ReadAsync(source, options, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Writes a 16-bit WAV file; it appears under its name only when it is complete.</summary>
    /// <exception cref="IOException">The directory is missing or cannot be written to.</exception>
    public Task SaveAsync(string path, CancellationToken cancellationToken = default) => SaveAsync(path, new WavOptions(), cancellationToken);

    /// <summary>Writes a WAV file; it appears under its name only when it is complete, and a failed or cancelled write leaves nothing.</summary>
    /// <exception cref="ArgumentException">The encoding cannot be written.</exception>
    /// <exception cref="IOException">The directory is missing or cannot be written to.</exception>
    public async Task SaveAsync(string path, WavOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        WavWriter writer = WavWriter.Create(path, LayoutFor(options));
        await using (writer.ConfigureAwait(false))
        {
            await WriteAsync(writer, options, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes a 16-bit WAV file into a stream, which stays the caller's.</summary>
    public Task SaveAsync(Stream stream, CancellationToken cancellationToken = default) => SaveAsync(stream, new WavOptions(), cancellationToken);

    /// <summary>Writes a WAV file into a stream, which stays the caller's.</summary>
    /// <remarks>Where the stream cannot seek, the sizes in the header are marked unknown, as a pipe does; readers then read to the end.</remarks>
    /// <exception cref="ArgumentException">The encoding or the stream cannot be written.</exception>
    public async Task SaveAsync(Stream stream, WavOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        WavWriter writer = WavWriter.Create(stream, LayoutFor(options));
        await using (writer.ConfigureAwait(false))
        {
            await WriteAsync(writer, options, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The mean of all channels; a mono clip is returned itself.</summary>
    public AudioClip ToMono() => Channels == 1 ? this : new AudioClip(ChannelMixer.Mean(Samples.Span, Channels), SampleRate, 1, Comment);

    /// <summary>The same sound at another rate, by torchaudio's windowed sinc with its default width (6), rolloff (0.99) and Hann window.</summary>
    /// <param name="sampleRate">The new rate in Hz; the clip's own returns the clip itself.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is out of range.</exception>
    public AudioClip Resample(int sampleRate) => Resample(sampleRate, new ResampleOptions());

    /// <summary>The same sound at another rate.</summary>
    /// <param name="sampleRate">The new rate in Hz; the clip's own returns the clip itself.</param>
    /// <param name="options">The low-pass filter.</param>
    /// <exception cref="ArgumentException">The rate or an option is out of range, or the result would not fit an array.</exception>
    public AudioClip Resample(int sampleRate, ResampleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfInvalid(sampleRate, Channels);
        if (sampleRate == SampleRate)
        {
            return this;
        }

        Resampler resampler = new(SampleRate, sampleRate, options);
        if (Channels == 1)
        {
            return new AudioClip(resampler.Resample(Samples.Span), sampleRate, 1, Comment);
        }

        float[][] channels = new float[Channels][];
        for (int channel = 0; channel < Channels; channel++)
        {
            channels[channel] = resampler.Resample(ChannelMixer.Extract(Samples.Span, Channels, channel));
        }

        return new AudioClip(ChannelMixer.Interleave(channels), sampleRate, Channels, Comment);
    }

    /// <summary>Makes a clip that keeps <paramref name="samples"/> itself; nobody else may write to it.</summary>
    internal static AudioClip Own(ReadOnlyMemory<float> samples, int sampleRate, int channels = 1, string? comment = null)
    {
        ThrowIfInvalid(sampleRate, channels);
        if (samples.Length % channels != 0)
        {
            throw new ArgumentException($"{samples.Length} samples are no whole number of {channels}-channel samples.", nameof(samples));
        }

        return new AudioClip(samples, sampleRate, channels, comment);
    }

    internal static TimeSpan DurationOf(long sampleCount, int sampleRate) => TimeSpan.FromTicks((long)((Int128)sampleCount * TimeSpan.TicksPerSecond / sampleRate));

    internal static void ThrowIfInvalid(int sampleRate, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampleRate, MaxSampleRate);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, MaxChannels);
    }

    private static AudioClip From(WavContent content) => new(content.Samples, content.Format.SampleRate, content.Format.Channels, content.Comment);

    private WavLayout LayoutFor(WavOptions options)
    {
        WavFormat format = new(SampleRate, Channels, options.Encoding);
        format.ThrowIfNotWritable();
        return new WavLayout(format, (long)SampleCount * format.BytesPerFrame);
    }

    private async Task WriteAsync(WavWriter writer, WavOptions options, CancellationToken cancellationToken)
    {
        writer.Comment = options.Comment;
        await writer.WriteAsync(Samples, cancellationToken).ConfigureAwait(false);
        await writer.CompleteAsync(cancellationToken).ConfigureAwait(false);
    }
}
