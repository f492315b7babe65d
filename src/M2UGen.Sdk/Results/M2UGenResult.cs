namespace M2UGen.Sdk;

/// <summary>All that a request gave: an answer, music, or both. The model decides whether music follows its answer.</summary>
public sealed record M2UGenResult
{
    /// <summary>The language model's answer; null where the bundle has no language model.</summary>
    public AnswerResult? Answer { get; init; }

    /// <summary>The music; null where the model did not ask for any.</summary>
    public MusicResult? Music { get; init; }

    /// <summary>The answer's text, or an empty string.</summary>
    public string Text => Answer?.Text ?? string.Empty;

    /// <summary>Everything needed to make this result again.</summary>
    public required ResultManifest Manifest { get; init; }
}
