namespace M2UGen.Sdk.Media.Audio;

/// <summary>Tells WAV files, which are read here, from all others, which ffmpeg reads.</summary>
internal static class SoundReader
{
    /// <summary>Reads a source's whole sound.</summary>
    public static async Task<WavContent> ReadAsync(MediaSource source, MediaOptions options, CancellationToken cancellationToken)
    {
        string? kind;
        Stream stream = await source.OpenReadAsync(options.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            byte[] head = await ReadHeadAsync(stream, cancellationToken).ConfigureAwait(false);
            if (AudioSignature.IsWav(head))
            {
                return await ReadWavAsync(head, stream, source.Path, options, cancellationToken).ConfigureAwait(false);
            }

            kind = AudioSignature.Name(head);
        }

        return await FFmpegAudioReader.ReadAsync(source, kind, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the whole sound of a stream, from its position on; WAV without holding the file.</summary>
    public static async Task<WavContent> ReadAsync(Stream stream, MediaOptions options, CancellationToken cancellationToken)
    {
        byte[] head = await ReadHeadAsync(stream, cancellationToken).ConfigureAwait(false);
        return AudioSignature.IsWav(head)
            ? await ReadWavAsync(head, stream, path: null, options, cancellationToken).ConfigureAwait(false)
            : await FFmpegAudioReader.ReadAsync(MediaSource.FromStream(Rewound(head, stream)), AudioSignature.Name(head), options, cancellationToken).ConfigureAwait(false);
    }

    private static Task<WavContent> ReadWavAsync(byte[] head, Stream stream, string? path, MediaOptions options, CancellationToken cancellationToken) =>
        WavReader.ReadAsync(Rewound(head, stream), path, options, cancellationToken);

    private static async Task<byte[]> ReadHeadAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] head = new byte[AudioSignature.HeadBytes];
        int read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return head[..read];
    }

    /// <summary>The stream as it was before its head was read.</summary>
    private static Stream Rewound(byte[] head, Stream stream)
    {
        if (!stream.CanSeek)
        {
            return new HeadedStream(head, stream);
        }

        stream.Seek(-head.Length, SeekOrigin.Current);
        return stream;
    }
}
