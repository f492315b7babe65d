using System.Threading.Channels;

namespace M2UGen.Sdk.Pipeline;

/// <summary>The generating thread's end of a request's stream: hands updates over and waits while the reader's buffer is full.</summary>
internal sealed class UpdateWriter(ChannelWriter<GenerationUpdate> channel, bool onlyResult, CancellationToken cancellationToken) : IMusicSink
{
    /// <summary>Whether anybody looks at updates other than the result; if not, making them would only cost memory.</summary>
    public bool Wanted => !onlyResult;

    /// <summary>The same end of the stream for work whose updates nobody looks at.</summary>
    public UpdateWriter OnlyResult => onlyResult ? this : new UpdateWriter(channel, onlyResult: true, cancellationToken);

    /// <exception cref="OperationCanceledException">The request was cancelled while the reader's buffer was full.</exception>
    public void Send(GenerationUpdate update)
    {
        if (onlyResult && !IsResult(update))
        {
            return;
        }

        if (!channel.TryWrite(update))
        {
            // This is the request's own thread: to block it is the point.
            channel.WriteAsync(update, cancellationToken).AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>The same without blocking a thread while the buffer is full.</summary>
    public ValueTask SendAsync(GenerationUpdate update) => onlyResult && !IsResult(update) ? ValueTask.CompletedTask : channel.WriteAsync(update, cancellationToken);

    public void Write(AudioChunk chunk) => Send(chunk);

    public void Report(StageProgress progress) => Send(progress);

    public void Preview(LatentPreview preview) => Send(preview);

    private static bool IsResult(GenerationUpdate update) => update is GenerationCompleted or BatchCompleted;
}
