using System.Buffers;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Reads the body of a 'data' chunk into floats within the caller's limits.</summary>
internal sealed class SampleReader(ForwardReader reader, WavFormat format, string? path, MediaOptions options)
{
    private const int BlockBytes = 1 << 18;

    /// <summary>Reads the whole frames of the next <paramref name="length"/> bytes, or of all that follow; a stream that ends early gives what it has.</summary>
    /// <returns>Interleaved samples.</returns>
    public async Task<float[]> ReadAsync(long? length, CancellationToken cancellationToken)
    {
        long available = Math.Min(length ?? long.MaxValue, reader.Remaining ?? long.MaxValue);
        bool known = available < long.MaxValue && reader.Remaining is not null;
        if (known)
        {
            ThrowIfTooLong(available / format.BytesPerFrame);
        }

        int blockFrames = Math.Max(1, BlockBytes / format.BytesPerFrame);
        long startFrames = known ? available / format.BytesPerFrame : blockFrames;
        float[] samples = new float[startFrames * format.Channels];
        byte[] block = ArrayPool<byte>.Shared.Rent(blockFrames * format.BytesPerFrame);
        try
        {
            long frames = 0;
            while (available >= format.BytesPerFrame)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(available / format.BytesPerFrame, blockFrames) * format.BytesPerFrame;
                int read = await reader.ReadAsync(block.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
                int got = read / format.BytesPerFrame;
                ThrowIfTooLong(frames + got);
                if ((frames + got) * format.Channels > samples.Length)
                {
                    Array.Resize(ref samples, (int)Math.Min(Math.Max(2L * samples.Length, (frames + got) * format.Channels), Array.MaxLength));
                }

                SampleCodec.Decode(format.Encoding, block.AsSpan(0, got * format.BytesPerFrame), samples.AsSpan((int)(frames * format.Channels), got * format.Channels));
                frames += got;
                available -= read;
                if (read < wanted)
                {
                    break;
                }
            }

            if (samples.Length != frames * format.Channels)
            {
                Array.Resize(ref samples, (int)(frames * format.Channels));
            }

            return samples;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private void ThrowIfTooLong(long frames)
    {
        double seconds = (double)frames / format.SampleRate;
        if (seconds > options.MaxDuration.TotalSeconds)
        {
            throw new MediaFormatException(path, FormattableString.Invariant($"the sound is at least {seconds:0.#} s long; {options.MaxDuration.TotalSeconds:0.#} s are allowed. Cut the file, or raise MediaOptions.MaxDuration."));
        }

        long bytes = frames * format.Channels * sizeof(float);
        long limit = Math.Min(options.MaxDecodedBytes, (long)Array.MaxLength * sizeof(float));
        if (bytes > limit)
        {
            throw new MediaFormatException(path, $"the decoded sound takes at least {bytes} bytes; {limit} are allowed. Cut the file, or raise MediaOptions.MaxDecodedBytes (at most {(long)Array.MaxLength * sizeof(float)}).");
        }
    }
}
