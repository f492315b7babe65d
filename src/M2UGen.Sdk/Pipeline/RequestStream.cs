using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace M2UGen.Sdk.Pipeline;

/// <summary>
/// Turns blocking work into a stream: the work runs on a thread of its own, behind the device's queue, and its updates pass through a bounded channel.
/// </summary>
/// <remarks>
/// The worker alone holds the place in the queue and the count of the tracker and gives both back itself: a reader that stops reading
/// without leaving the loop cannot keep the pipeline from being disposed.
/// </remarks>
internal sealed class RequestStream(RequestTracker tracker, SemaphoreSlim device, int bufferSize)
{
    /// <summary>Starts <paramref name="work"/> when the reader asks for the first update.</summary>
    public async IAsyncEnumerable<GenerationUpdate> RunAsync(
        Action<UpdateWriter, CancellationToken> work,
        bool onlyResult,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        tracker.Enter();
        Channel<GenerationUpdate> channel = Channel.CreateBounded<GenerationUpdate>(
            new BoundedChannelOptions(bufferSize) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource leaving = new();
        Task worker = WorkAsync(work, onlyResult, channel.Writer, leaving.Token, cancellationToken);
        try
        {
            // Not the caller's token: the worker answers to it, and ends the channel only when the model call in flight has stopped.
            await foreach (GenerationUpdate update in channel.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                yield return update;
            }
        }
        finally
        {
            await leaving.CancelAsync().ConfigureAwait(false);
            await worker.ConfigureAwait(false);
        }
    }

    private async Task WorkAsync(
        Action<UpdateWriter, CancellationToken> work,
        bool onlyResult,
        ChannelWriter<GenerationUpdate> channel,
        CancellationToken leaving,
        CancellationToken caller)
    {
        Exception? failure = null;
        try
        {
            using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(caller, leaving, tracker.Closing);
            CancellationToken token = linked.Token;
            await device.WaitAsync(token).ConfigureAwait(false);
            try
            {
                UpdateWriter writer = new(channel, onlyResult, token);
                await Task.Factory.StartNew(
                    () => work(writer, token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                device.Release();
            }
        }
        catch (OperationCanceledException exception)
        {
            // Which token it was decides, never the message. Leaving the loop has no reader left to tell.
            failure = caller.IsCancellationRequested ? new OperationCanceledException("The request was cancelled.", exception, caller)
                : tracker.Closing.IsCancellationRequested ? new ObjectDisposedException(nameof(M2UGenPipeline), "The pipeline was disposed while the request ran.")
                : exception;
        }
#pragma warning disable CA1031 // The reader rethrows it, whatever it is.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        // First counted out, then told: whoever has seen the end may dispose and find nothing running.
        tracker.Exit();
        channel.Complete(failure);
    }
}
