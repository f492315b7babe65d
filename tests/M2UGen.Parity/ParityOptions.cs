using M2UGen.Sdk;

namespace M2UGen.Parity;

/// <summary>What one run is asked to do.</summary>
internal sealed record ParityOptions
{
    /// <summary>Folders that are walked for case.json.</summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>Only cases of these kinds ('*' stands for any characters).</summary>
    /// <value>Empty: all kinds.</value>
    public IReadOnlyList<string> Kinds { get; init; } = [];

    /// <summary>In what the graphs compute: float32, or float16 with <see cref="Tolerance.InFloat16"/> in place of the cases' own tolerances.</summary>
    /// <value>Default: <see cref="Precision.Float32"/>.</value>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>The vocabulary file that tokenizer-llama-real cases need and do not bring along.</summary>
    public string? LlamaVocabulary { get; init; }
}
