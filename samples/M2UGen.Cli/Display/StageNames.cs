using M2UGen.Sdk;

namespace M2UGen.Cli.Display;

/// <summary>The words for stages, and the way from the SDK's reports to the display.</summary>
internal static class StageNames
{
    /// <summary>Shows a stage of a request.</summary>
    public static void Show(this IStageDisplay display, StageProgress progress) => display.Show(Of(progress.Stage), progress.Completed, progress.Total);

    /// <summary>Shows the loading of a bundle, whichever component is being opened.</summary>
    public static IProgress<LoadProgress> ForLoading(this IStageDisplay display) => new Direct(display);

    /// <summary>Shows the stages of several requests together.</summary>
    public static IProgress<StageProgress> ForStages(this IStageDisplay display) => new Stages(display);

    private static string Of(GenerationStage stage) => stage switch
    {
        GenerationStage.Encode => "Listening and looking",
        GenerationStage.Language => "Writing the answer",
        GenerationStage.Music => "Composing",
        GenerationStage.Decode => "Rendering sound",
        _ => stage.ToString(),
    };

    private sealed class Stages(IStageDisplay display) : IProgress<StageProgress>
    {
        public void Report(StageProgress value) => display.Show(value);
    }

    /// <summary>Progress without Progress{T}'s thread hop: the display is thread-safe, and order is kept.</summary>
    private sealed class Direct(IStageDisplay display) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => display.Show("Loading the bundle", value.Fraction, 1);
    }
}
