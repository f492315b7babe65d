namespace M2UGen.Sdk.Pipeline;

/// <summary>Counts the requests under way, so that disposal can stop them, wait for them, and only then free what they use.</summary>
internal sealed class RequestTracker : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _active;
    private bool _closed;

    /// <summary>Cancelled when the pipeline is disposed.</summary>
    public CancellationToken Closing => _closing.Token;

    /// <summary>Counts a request in.</summary>
    /// <exception cref="ObjectDisposedException">The pipeline is disposed.</exception>
    public void Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(M2UGenPipeline));
            _active++;
        }
    }

    /// <summary>Counts a request out.</summary>
    public void Exit()
    {
        lock (_gate)
        {
            _active--;
            if (_closed && _active == 0)
            {
                _idle.TrySetResult();
            }
        }
    }

    /// <exception cref="ObjectDisposedException">The pipeline is disposed.</exception>
    public void ThrowIfClosed()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(M2UGenPipeline));
        }
    }

    /// <summary>Refuses further requests, cancels those under way, and waits until the last has ended.</summary>
    /// <returns>True for the first caller, who frees the resources; the others wait too.</returns>
    public async Task<bool> CloseAsync()
    {
        bool first;
        lock (_gate)
        {
            first = !_closed;
            _closed = true;
            if (_active == 0)
            {
                _idle.TrySetResult();
            }
        }

        if (first)
        {
            await _closing.CancelAsync().ConfigureAwait(false);
        }

        await _idle.Task.ConfigureAwait(false);
        return first;
    }

    public void Dispose() => _closing.Dispose();
}
