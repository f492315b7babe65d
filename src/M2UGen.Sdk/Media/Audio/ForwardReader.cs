using System.Buffers;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Reads a stream from front to end, seeking over what is skipped where the stream can.</summary>
internal sealed class ForwardReader(Stream stream)
{
    /// <summary>Bytes passed so far.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes up to the end of the stream, or null where only reading tells.</summary>
    public long? Remaining => stream.CanSeek ? Math.Max(0, stream.Length - stream.Position) : null;

    /// <summary>Fills as much of <paramref name="buffer"/> as the stream still has; returns the bytes read.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        Position += read;
        return read;
    }

    /// <summary>Passes over <paramref name="count"/> bytes, or to the end of a shorter stream; returns whether all of them were there.</summary>
    public async ValueTask<bool> SkipAsync(long count, CancellationToken cancellationToken)
    {
        if (Remaining is long remaining)
        {
            long step = Math.Min(count, remaining);
            stream.Seek(step, SeekOrigin.Current);
            Position += step;
            return step == count;
        }

        byte[] scratch = ArrayPool<byte>.Shared.Rent((int)Math.Min(Math.Max(count, 1), 65536));
        try
        {
            while (count > 0)
            {
                int read = await ReadAsync(scratch.AsMemory(0, (int)Math.Min(count, scratch.Length)), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return false;
                }

                count -= read;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }
}
