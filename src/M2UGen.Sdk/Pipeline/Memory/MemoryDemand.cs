namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The lengths of a request, as far as memory goes by them.</summary>
internal sealed record MemoryDemand
{
    /// <summary>Whether the language model answers.</summary>
    public bool Answers { get; init; } = true;

    /// <summary>Tokens of the prompt, template included.</summary>
    public int PromptTokens { get; init; } = 128;

    /// <summary>Tokens of the answer at most.</summary>
    public int NewTokens { get; init; } = GenerationOptions.Default.MaxNewTokens;

    /// <summary>Prompt tokens a call.</summary>
    public int PrefillChunkSize { get; init; } = PipelineOptions.Default.PrefillChunkSize;

    /// <summary>Prompts whose caches the language model keeps, this request's included; 0: its cache is freed with its answer.</summary>
    public int CachedPrompts { get; init; } = PipelineOptions.Default.CachedPrompts;

    /// <summary>Length of the sound that is listened to; null without one.</summary>
    public TimeSpan? Audio { get; init; }

    /// <summary>Whether a picture is looked at.</summary>
    public bool HasImage { get; init; }

    /// <summary>Whether a film is looked at.</summary>
    public bool HasVideo { get; init; }

    /// <summary>Bytes of all decoded media; null: what media of usual sizes take.</summary>
    public long? MediaBytes { get; init; }

    /// <summary>The music that is made; null without.</summary>
    public MusicOptions? Music { get; init; } = MusicOptions.Default;

    /// <summary>Pieces of music that are made side by side.</summary>
    public int Pieces { get; init; } = 1;

    /// <summary>Which habits of the reference are kept.</summary>
    public Fidelity Fidelity { get; init; } = Fidelity.Improved;

    /// <summary>Tokens of the music's caption.</summary>
    public int CaptionTokens { get; init; } = 32;

    /// <summary>Length of the sound that the music goes on from; null without one.</summary>
    public TimeSpan? AudioPrompt { get; init; }
}
