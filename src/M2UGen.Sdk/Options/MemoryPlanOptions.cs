namespace M2UGen.Sdk;

/// <summary>The lengths of a request whose memory is to be planned (<see cref="MemoryPlan.For"/>). Immutable; derive a variant by <c>with</c>.</summary>
public sealed record MemoryPlanOptions
{
    /// <summary>All values at their defaults: words in, an answer where the bundle has a language model, ten seconds of music where it has a decoder.</summary>
    public static MemoryPlanOptions Default { get; } = new();

    /// <summary>Tokens of the prompt, the template's included.</summary>
    /// <value>128. Allowed: 1 to 1,000,000.</value>
    public int PromptTokens { get; init; } = 128;

    /// <summary>Tokens of the answer at most.</summary>
    /// <value>512, as <see cref="GenerationOptions.MaxNewTokens"/>. Allowed: 1 to 1,000,000.</value>
    public int NewTokens { get; init; } = 512;

    /// <summary>Tokens of the words that music is made from.</summary>
    /// <value>32. Allowed: 1 to 1,000,000.</value>
    public int CaptionTokens { get; init; } = 32;

    /// <summary>The music; null for an answer alone.</summary>
    /// <value><see cref="MusicOptions.Default"/>.</value>
    public MusicOptions? Music { get; init; } = MusicOptions.Default;

    /// <summary>Length of the sound that is listened to.</summary>
    /// <value>Null: none. Above 0, to 1000 hours.</value>
    public TimeSpan? AudioDuration { get; init; }

    /// <summary>Whether a picture is looked at.</summary>
    public bool HasImage { get; init; }

    /// <summary>Whether a film is looked at.</summary>
    public bool HasVideo { get; init; }

    /// <summary>How long components stay loaded.</summary>
    /// <value><see cref="MemoryPolicy.KeepLoaded"/>.</value>
    public MemoryPolicy Memory { get; init; } = MemoryPolicy.KeepLoaded;

    /// <summary>The most anonymous memory that the process may take, in bytes (<see cref="PipelineOptions.MemoryBudget"/>).</summary>
    /// <value>Null: no limit. 1 or more.</value>
    public long? Budget { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message lists all that are.</exception>
    internal void ThrowIfInvalid()
    {
        const string Owner = nameof(MemoryPlanOptions);
        OptionsCheck check = new();
        check.Range(Owner, nameof(PromptTokens), PromptTokens, 1, 1_000_000);
        check.Range(Owner, nameof(NewTokens), NewTokens, 1, 1_000_000);
        check.Range(Owner, nameof(CaptionTokens), CaptionTokens, 1, 1_000_000);
        check.Duration(Owner, nameof(AudioDuration), AudioDuration, TimeSpan.FromHours(1000));
        check.Defined(Owner, nameof(Memory), Memory);
        check.AtLeast(Owner, nameof(Budget), Budget, 1);
        Music?.Check(check);
        check.ThrowIfAny();
    }
}
