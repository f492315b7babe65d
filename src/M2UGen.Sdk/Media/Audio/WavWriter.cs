using System.Buffers;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk;

/// <summary>Writes a WAV file piece by piece, for sound that is still being made.</summary>
/// <remarks>
/// A file appears under its name only when <see cref="CompleteAsync"/> has ended; disposal before that removes what was written.
/// Sizes are put into the header at the end; a file that grew beyond 4 GiB becomes RF64. Integers are rounded half to even without dither and clipped.
/// One writer serves one caller at a time.
/// </remarks>
public sealed class WavWriter : IAsyncDisposable, IDisposable
{
    private const int BlockSamples = 1 << 15;

    private readonly TemporaryFile? _file;
    private readonly Stream _stream;
    private readonly WavLayout _layout;
    private readonly long _origin;
    private long _dataBytes;
    private State _state;

    private WavWriter(TemporaryFile? file, Stream stream, WavLayout layout)
    {
        _file = file;
        _stream = stream;
        _layout = layout;
        _origin = stream.CanSeek ? stream.Position : 0;
    }

    private enum State
    {
        New,
        Writing,
        Complete,
        Broken,
        Disposed,
    }

    /// <summary>What is written.</summary>
    public WavFormat Format => _layout.Format;

    /// <summary>Samples per channel written so far.</summary>
    public long SampleCount => _dataBytes / Format.BytesPerFrame;

    /// <summary>How long the sound written so far lasts.</summary>
    public TimeSpan Duration => AudioClip.DurationOf(SampleCount, Format.SampleRate);

    /// <summary>Text kept in the file beside the sound (RIFF INFO, ICMT, UTF-8); may be set until <see cref="CompleteAsync"/>.</summary>
    /// <value>Default null: none.</value>
    public string? Comment { get; set; }

    /// <summary>Begins a file; it is written beside <paramref name="path"/> under another name until it is complete.</summary>
    /// <exception cref="ArgumentException">The format cannot be written, or the path is empty.</exception>
    /// <exception cref="IOException">The directory is missing or cannot be written to.</exception>
    public static WavWriter Create(string path, WavFormat format)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(format);
        return Create(path, new WavLayout(format));
    }

    /// <summary>Begins a WAV file in a stream, which stays the caller's; where it cannot seek, sizes are written as unknown (0xFFFFFFFF).</summary>
    /// <exception cref="ArgumentException">The format or the stream cannot be written.</exception>
    public static WavWriter Create(Stream stream, WavFormat format)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(format);
        return Create(stream, new WavLayout(format));
    }

    internal static WavWriter Create(string path, WavLayout layout)
    {
        TemporaryFile file = new(path);
        return new WavWriter(file, file.Stream, layout);
    }

    internal static WavWriter Create(Stream stream, WavLayout layout) =>
        stream.CanWrite ? new WavWriter(null, stream, layout) : throw new ArgumentException("The stream cannot be written to.", nameof(stream));

    /// <summary>Appends samples.</summary>
    /// <param name="samples">Interleaved, [samples × channels], nominally in [-1, 1].</param>
    /// <param name="cancellationToken">Stops between blocks; the file then cannot be completed any more.</param>
    /// <exception cref="ArgumentException">The count is no multiple of the channels.</exception>
    /// <exception cref="InvalidOperationException">The file is complete, or an earlier write failed.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<float> samples, CancellationToken cancellationToken = default)
    {
        if (samples.Length % Format.Channels != 0)
        {
            throw new ArgumentException($"{samples.Length} samples are no whole number of {Format.Channels}-channel samples.", nameof(samples));
        }

        await BeginAsync(cancellationToken).ConfigureAwait(false);
        _state = State.Broken;
        byte[] block = ArrayPool<byte>.Shared.Rent(Math.Min(samples.Length, BlockSamples) * Format.BytesPerSample);
        try
        {
            while (!samples.IsEmpty)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(samples.Length, BlockSamples);
                Memory<byte> bytes = block.AsMemory(0, count * Format.BytesPerSample);
                SampleCodec.Encode(Format.Encoding, samples.Span[..count], bytes.Span);
                await _stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
                _dataBytes += bytes.Length;
                samples = samples[count..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }

        _state = State.Writing;
    }

    /// <summary>Ends the file: writes the comment and the sizes, and gives it its name.</summary>
    /// <exception cref="InvalidOperationException">The file is complete already, or an earlier write failed.</exception>
    public async Task CompleteAsync(CancellationToken cancellationToken = default)
    {
        await BeginAsync(cancellationToken).ConfigureAwait(false);
        _state = State.Broken;
        byte[] tail = WavLayout.Tail(_dataBytes, Comment);
        await _stream.WriteAsync(tail, cancellationToken).ConfigureAwait(false);
        if (_stream.CanSeek)
        {
            long end = _stream.Position;
            _stream.Position = _origin;
            await _stream.WriteAsync(_layout.Header(_dataBytes, tail.Length), cancellationToken).ConfigureAwait(false);
            _stream.Position = end;
        }

        await _stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        if (_file is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await _file.CompleteAsync().ConfigureAwait(false);
        }

        _state = State.Complete;
    }

    /// <summary>Closes the writer; a file that is not complete is removed.</summary>
    public void Dispose()
    {
        _state = State.Disposed;
        _file?.Dispose();
    }

    /// <summary>Closes the writer; a file that is not complete is removed.</summary>
    public async ValueTask DisposeAsync()
    {
        _state = State.Disposed;
        if (_file is not null)
        {
            await _file.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask BeginAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        if (_state is State.Complete or State.Broken)
        {
            throw new InvalidOperationException(_state == State.Complete ? "The WAV file is complete; nothing can be added." : "An earlier write failed or was cancelled, so the WAV file cannot be continued. Begin it again.");
        }

        if (_state == State.New)
        {
            _state = State.Broken;
            await _stream.WriteAsync(_layout.Header(dataBytes: null, tailBytes: 0), cancellationToken).ConfigureAwait(false);
            _state = State.Writing;
        }
    }
}
