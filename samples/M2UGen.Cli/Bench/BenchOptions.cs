using M2UGen.Sdk.Runtime;

namespace M2UGen.Cli.Bench;

/// <summary>How much is measured.</summary>
/// <param name="Bundle">The bundle directory.</param>
/// <param name="Caption">What the music is made from.</param>
/// <param name="Duration">Length of the music.</param>
/// <param name="PromptTokens">Tokens read by the language model.</param>
/// <param name="NewTokens">Tokens written by the language model.</param>
/// <param name="Repeat">Runs; the median one is reported. One more comes first to warm up.</param>
/// <param name="Runtime">Where the graphs run.</param>
internal sealed record BenchOptions(string Bundle, string Caption, TimeSpan Duration, int PromptTokens, int NewTokens, int Repeat, RuntimeOptions Runtime)
{
    /// <summary>AudioLDM2: also measure every preset's time and distance to the reference.</summary>
    public bool Presets { get; init; }

    /// <summary>MusicGen: pieces that are also made side by side; 1 measures none.</summary>
    public int Batch { get; init; } = 1;
}
