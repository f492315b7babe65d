using M2UGen.Cli.Display;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>Runs a request for music while its stages are shown.</summary>
internal static class MusicRun
{
    /// <summary>Runs the request to its end.</summary>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle makes no music.</exception>
    public static async Task<MusicResult> RunAsync(M2UGenRequest request, IStageDisplay display, CancellationToken cancellationToken)
    {
        M2UGenResult? result = null;
        await foreach (GenerationUpdate update in request.StreamAsync(cancellationToken))
        {
            switch (update)
            {
                case StageProgress progress:
                    display.Show(progress);
                    break;
                case GenerationCompleted completed:
                    result = completed.Result;
                    break;
            }
        }

        if (result?.Music is { } music)
        {
            return music;
        }

        throw result?.Answer is { AsksForMusic: true }
            ? new UnsupportedCapabilityException("music", "The model asked for music, but this bundle has no music decoder. Export it again with a MusicGen directory.")
            : new MusicNotGeneratedException(result?.Text ?? "");
    }
}
