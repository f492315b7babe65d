using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace M2UGen.Sdk.Pipeline;

/// <summary>
/// Turns a request's work into a stream: media are decoded ahead, then the work runs on a thread of its own behind the device's queue. Updates pass through a bounded channel.
/// </summary>
/// <remarks>
/// The worker alone holds the place in the queue and the count of the tracker and gives both back itself: a reader that stops reading
/// without leaving the loop cannot keep the pipeline from being disposed.
/// </remarks>
internal sealed class RequestStream(RequestTracker tracker, SemaphoreSlim device, SemaphoreSlim media, int bufferSize)
{
    /// <summary>Starts a run when the reader asks for the first update.</summary>
    public async IAsyncEnumerable<GenerationUpdate> RunAsync(
        Func<IDeviceRun> start,
        bool onlyResult,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        tracker.Enter();
        Channel<GenerationUpdate> channel = Channel.CreateBounded<GenerationUpdate>(
            new BoundedChannelOptions(bufferSize) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource leaving = new();
        Task worker = WorkAsync(start, onlyResult, channel.Writer, leaving.Token, cancellationToken);
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
        Func<IDeviceRun> start,
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
            IDeviceRun request = start();
            UpdateWriter writer = new(channel, onlyResult, token);
            await WaitForDeviceAsync(request, writer, token).ConfigureAwait(false);
            try
            {
                await Task.Factory.StartNew(
                    () => request.Run(writer, token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
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

    /// <summary>Prepares the request and takes its place on the device. Decoded media can be large, so few requests may hold some while they wait; the others wait before they read any.</summary>
    private async Task WaitForDeviceAsync(IDeviceRun request, UpdateWriter writer, CancellationToken token)
    {
        if (!request.HasMedia)
        {
            await device.WaitAsync(token).ConfigureAwait(false);
            return;
        }

        await media.WaitAsync(token).ConfigureAwait(false);
        try
        {
            // Decoding computes, and the caller may be a user interface's thread.
            await Task.Run(() => request.PrepareAsync(writer, token), CancellationToken.None).ConfigureAwait(false);
            await device.WaitAsync(token).ConfigureAwait(false);
        }
        finally
        {
            media.Release();
        }
    }
}
