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
    /// <summary>What is measured; empty for all that the bundle has.</summary>
    public IReadOnlyList<BenchPart> Parts { get; init; } = [];

    /// <summary>AudioLDM2: also measure every preset's time and distance to the reference.</summary>
    public bool Presets { get; init; }

    /// <summary>MusicGen: pieces that are also made side by side; 1 measures none.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Whether a part is to be measured.</summary>
    public bool Measures(BenchPart part) => Parts.Count == 0 || Parts.Contains(part);
}

/// <summary>What can be measured apart from the rest.</summary>
internal enum BenchPart
{
    /// <summary>Resampling and resizing.</summary>
    Media,

    /// <summary>MERT, ViT, ViViT.</summary>
    Encoders,

    /// <summary>The language model.</summary>
    Language,

    /// <summary>The music decoder.</summary>
    Music,

    /// <summary>The peak of memory of one request.</summary>
    Memory,
}
