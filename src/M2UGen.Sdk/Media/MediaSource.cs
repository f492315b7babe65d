using System.Runtime.InteropServices;
using M2UGen.Sdk.Media;

namespace M2UGen.Sdk;

/// <summary>Where sound, a picture or a film comes from: a file, bytes in memory or a stream. Nothing is read before it is needed.</summary>
/// <remarks>Thread-safe: one source may serve several requests. Plain managed data: nothing to dispose.</remarks>
public sealed class MediaSource
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private KeptStream? _stream;

    private MediaSource(string? path, ReadOnlyMemory<byte> bytes, KeptStream? stream)
    {
        Path = path;
        _bytes = bytes;
        _stream = stream;
    }

    /// <summary>The file, as it was named; null for bytes and streams.</summary>
    public string? Path { get; }

    /// <summary>A file, opened at each use. A pipe gives its bytes once: it is read to its end at the first use and then held in memory.</summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static MediaSource FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new MediaSource(path, default, stream: null);
    }

    /// <summary>A whole file in memory; the bytes are not copied and must stay as they are.</summary>
    public static MediaSource FromBytes(ReadOnlyMemory<byte> bytes) => new(path: null, bytes, stream: null);

    /// <summary>A stream, which stays the caller's and need not be able to seek. It is read to its end at the first use and then held in memory, so that a request can be sent again.</summary>
    /// <exception cref="ArgumentException">The stream cannot be read.</exception>
    public static MediaSource FromStream(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return stream.CanRead
            ? new MediaSource(path: null, default, new KeptStream(stream))
            : throw new ArgumentException("The stream cannot be read.", nameof(stream));
    }

    /// <summary>What the source is, for messages: the file's name in quotes, or "the bytes", "the stream".</summary>
    public override string ToString() => Path is not null ? $"'{Path}'" : _stream is not null ? "the stream" : "the bytes";

    /// <summary>All bytes.</summary>
    /// <exception cref="MediaFormatException">There are more than <paramref name="maxBytes"/>, or more than one array holds.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    internal async Task<ReadOnlyMemory<byte>> ReadBytesAsync(long maxBytes, CancellationToken cancellationToken)
    {
        if (Path is null)
        {
            if (_stream is not null)
            {
                return await _stream.ReadAsync(maxBytes, cancellationToken).ConfigureAwait(false);
            }

            ThrowIfOver(_bytes.Length, maxBytes);
            return _bytes;
        }

        using FileStream? file = await OpenPathAsync(Path, cancellationToken).ConfigureAwait(false);
        try
        {
            return await (file is null ? _stream! : new KeptStream(file)).ReadAsync(maxBytes, cancellationToken).ConfigureAwait(false);
        }
        catch (MediaFormatException refused)
        {
            throw new MediaFormatException(Path, refused.Message);
        }
    }

    /// <summary>A stream from the source's first byte: a file's is read as it goes, without holding it. The caller disposes it.</summary>
    /// <exception cref="MediaFormatException">A stream or a pipe holds more than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    internal async Task<Stream> OpenReadAsync(long maxBytes, CancellationToken cancellationToken)
    {
        if (Path is not null && await OpenPathAsync(Path, cancellationToken).ConfigureAwait(false) is { } file)
        {
            return file;
        }

        ReadOnlyMemory<byte> bytes = await ReadBytesAsync(maxBytes, cancellationToken).ConfigureAwait(false);
        return MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> array)
            ? new MemoryStream(array.Array ?? [], array.Offset, array.Count, writable: false)
            : new MemoryStream(bytes.ToArray(), writable: false);
    }

    /// <summary>The source as a file for another program; bytes, streams and pipes become a temporary one, which the caller's dispose deletes.</summary>
    /// <exception cref="MediaFormatException">It is larger than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read, or the temporary one cannot be written.</exception>
    internal async Task<MediaFile> OpenFileAsync(long maxBytes, CancellationToken cancellationToken)
    {
        if (Path is not null)
        {
            using FileStream? existing = await OpenPathAsync(Path, cancellationToken).ConfigureAwait(false);
            if (existing is not null)
            {
                ThrowIfOver(existing.Length, maxBytes);
                return MediaFile.Existing(Path);
            }
        }

        ReadOnlyMemory<byte> bytes = await ReadBytesAsync(maxBytes, cancellationToken).ConfigureAwait(false);
        return await MediaFile.CreateTemporaryAsync((stream, ct) => stream.WriteAsync(bytes, ct).AsTask(), cancellationToken).ConfigureAwait(false);
    }

    internal static MediaFormatException TooLarge(string? path, long length, long limit) =>
        new(path, $"there are at least {length} bytes; {limit} are allowed. Use a smaller file, or raise MediaOptions.MaxFileBytes.");

    /// <summary>The file from its first byte; null where it is a pipe, whose bytes are then those of the kept stream.</summary>
    private async Task<FileStream?> OpenPathAsync(string path, CancellationToken cancellationToken)
    {
        if (_stream is not null)
        {
            return null;
        }

        FileStream file = await NamedFile.OpenAsync(path, NamedFile.PipePatience, cancellationToken).ConfigureAwait(false);
        if (file.CanSeek)
        {
            return file;
        }

        // Of two that open a pipe at once, the first one's bytes serve both.
        if (Interlocked.CompareExchange(ref _stream, new KeptStream(file, NamedFile.PipePatience), null) is not null)
        {
            await file.DisposeAsync().ConfigureAwait(false);
        }

        return null;
    }

    private void ThrowIfOver(long length, long maxBytes)
    {
        if (length > maxBytes)
        {
            throw TooLarge(Path, length, maxBytes);
        }
    }
}
