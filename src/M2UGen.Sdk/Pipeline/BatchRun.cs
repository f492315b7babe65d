using System.Diagnostics;
using M2UGen.Sdk.Diagnostics;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Pipeline;

/// <summary>One run of several requests for music: their answers one after the other, then all their music in one call of the decoder.</summary>
/// <remarks>Made for one call and used by it alone.</remarks>
internal sealed class BatchRun(PipelineParts parts, ILogger logger, IReadOnlyList<RequestRun> requests) : IDeviceRun
{
    public bool HasMedia => requests.Any(request => request.HasMedia);

    public async Task PrepareAsync(UpdateWriter updates, CancellationToken cancellationToken)
    {
        for (int i = 0; i < requests.Count; i++)
        {
            await requests[i].PrepareAsync(updates.OnlyResult, cancellationToken).ConfigureAwait(false);
            await updates.SendAsync(new StageProgress(GenerationStage.Encode, i + 1, requests.Count)).ConfigureAwait(false);
        }
    }

    /// <exception cref="MusicNotGeneratedException">A request was answered with text only; no music is made then.</exception>
    public void Run(UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.batch");
        for (int i = 0; i < requests.Count; i++)
        {
            requests[i].Answer(updates.OnlyResult, cancellationToken);
            if (!requests[i].MakesMusic)
            {
                throw new MusicNotGeneratedException(requests[i].AnswerText);
            }

            if (parts.Language is not null)
            {
                updates.Send(new StageProgress(GenerationStage.Language, i + 1, requests.Count));
            }
        }

        updates.Send(new BatchCompleted(MakeMusic(updates, cancellationToken)));
    }

    private MusicResult[] MakeMusic(UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.music");
        long start = Stopwatch.GetTimestamp();
        MusicDecoderRequest[] wanted = [.. requests.Select(request => request.MusicRequest(cancellationToken))];
        BatchProgress progress = new(updates, wanted.Length);
        IReadOnlyList<MusicDecoding> made = parts.Music!.GenerateBatch(wanted, progress.Sinks, cancellationToken);
        requests[0].EndStage();
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        double seconds = made.Sum(piece => piece.Audio.Duration.TotalSeconds);
        M2UGenTelemetry.MusicTime.Record(time.TotalSeconds);
        M2UGenTelemetry.MusicSeconds.Add(seconds);
        Log.BatchMade(logger, made.Count, seconds, (long)time.TotalMilliseconds);
        return [.. requests.Zip(made, (request, piece) => request.ResultOf(piece))];
    }
}

/// <summary>The last update of a batch.</summary>
/// <param name="Results">In the order of the requests.</param>
internal sealed record BatchCompleted(IReadOnlyList<MusicResult> Results) : GenerationUpdate;
