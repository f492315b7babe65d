using M2UGen.Cli.Display;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>Runs a request for music while its stages are shown.</summary>
internal static class MusicRun
{
    /// <summary>Runs the request to its end; the pipeline must be able to make music.</summary>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only.</exception>
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

        return result?.Music ?? throw new MusicNotGeneratedException(result?.Text ?? "");
    }
}
