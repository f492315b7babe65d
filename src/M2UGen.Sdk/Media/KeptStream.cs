namespace M2UGen.Sdk.Media;

/// <summary>Reads a stream once, when it is first needed, and keeps what it held. Thread-safe; a read that was cancelled or refused goes on where it stopped.</summary>
/// <param name="stream">The stream; the caller's, unless it is a pipe's.</param>
/// <param name="pipePatience">Given for a pipe, whose reads cannot be cancelled: how long each may take. Its stream is closed when it has ended.</param>
#pragma warning disable CA1001 // Neither the gate, of which no wait handle is taken, nor the memory holds anything that needs disposal.
internal sealed class KeptStream(Stream stream, TimeSpan? pipePatience = null)
#pragma warning restore CA1001
{
    private const int BlockBytes = 1 << 16;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly MemoryStream _kept = new();
    private readonly byte[] _block = new byte[BlockBytes];
    private Task<int>? _pending;
    private bool _complete;

    /// <summary>All bytes of the stream.</summary>
    /// <exception cref="MediaFormatException">There are more than <paramref name="maxBytes"/>.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(long maxBytes, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_complete)
            {
                await ReadRestAsync(maxBytes, cancellationToken).ConfigureAwait(false);
            }

            ThrowIfOver(_kept.Length, maxBytes);
            return _kept.GetBuffer().AsMemory(0, (int)_kept.Length);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task ReadRestAsync(long maxBytes, CancellationToken cancellationToken)
    {
        if (stream.CanSeek)
        {
            long whole = _kept.Length + Math.Max(0, stream.Length - stream.Position);
            ThrowIfOver(whole, maxBytes);
            _kept.Capacity = (int)Math.Max(_kept.Capacity, whole);
        }

        int read;
        while ((read = await ReadBlockAsync(cancellationToken).ConfigureAwait(false)) > 0)
        {
            // Kept before it is refused: a later read with a higher limit must find it.
            _kept.Write(_block, 0, read);
            ThrowIfOver(_kept.Length, maxBytes);
        }

        _complete = true;
        if (pipePatience is not null)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The next bytes into the block. What a pipe has not given yet is waited for again by the next caller, so nothing is lost.</summary>
    private async ValueTask<int> ReadBlockAsync(CancellationToken cancellationToken)
    {
        if (pipePatience is not { } patience)
        {
            return await stream.ReadAsync(_block, cancellationToken).ConfigureAwait(false);
        }

        _pending ??= stream.ReadAsync(_block, CancellationToken.None).AsTask();
        try
        {
            int read = await _pending.WaitAsync(patience, cancellationToken).ConfigureAwait(false);
            _pending = null;
            return read;
        }
        catch (TimeoutException)
        {
            throw NamedFile.Silent(path: null, patience);
        }
    }

    private static void ThrowIfOver(long length, long maxBytes)
    {
        long limit = Math.Min(maxBytes, Array.MaxLength);
        if (length > limit)
        {
            throw MediaSource.TooLarge(path: null, length, limit);
        }
    }
}
