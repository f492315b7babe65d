namespace M2UGen.Sdk;

/// <summary>What music to make and how the decoder samples it. Immutable; derive a variant by <c>with</c>.</summary>
/// <remarks>Null leaves a value to the bundle. Values are checked when a request starts, all of them together, before any work.</remarks>
public sealed record MusicOptions
{
    /// <summary>The longest music a single request may ask for: one hour.</summary>
    public static TimeSpan MaxDuration { get; } = TimeSpan.FromHours(1);

    /// <summary>The length where the request names none: 10 s, the default of the reference's generate() (its demo programs start at 30 s).</summary>
    public static TimeSpan DefaultDuration { get; } = TimeSpan.FromSeconds(10);

    /// <summary>All values left to the bundle.</summary>
    public static MusicOptions Default { get; } = new();

    /// <summary>How long the music shall be, an audio prompt included. The result has exactly this length unless <see cref="Fidelity.TrimToDuration"/> is off.</summary>
    /// <value>Null: <see cref="DefaultDuration"/>, behind the audio prompt if there is one. Allowed: above 0, up to <see cref="MaxDuration"/>.</value>
    public TimeSpan? Duration { get; init; }

    /// <summary>The exact number of decoder steps instead of a duration; the result is what these steps give, untrimmed.</summary>
    /// <value>Null: computed from <see cref="Duration"/>, beside which it must not be set. Allowed: 1 to 1,000,000.</value>
    public int? MaxNewTokens { get; init; }

    /// <summary>Whether the decoder listens to the answer's text, to the projector's embedding, or to both.</summary>
    /// <value><see cref="MusicConditioningMode.Caption"/>, as the released code.</value>
    public MusicConditioningMode Conditioning { get; init; } = MusicConditioningMode.Caption;

    /// <summary>With embedding conditioning: hide the positions behind the caption's own length instead of showing all of the embedding's.</summary>
    /// <value>False. The reference does not settle it: its released code never uses the embedding.</value>
    public bool MaskEmbeddingByCaption { get; init; }

    /// <summary>Classifier-free guidance: how strongly the music follows its conditioning. 1 switches guidance off and halves the work.</summary>
    /// <value>Null: the bundle's (3.5 for M2UGen as released and for AudioLDM2, 3 for plain MusicGen). Allowed: 1 to 100.</value>
    public double? GuidanceScale { get; init; }

    /// <summary>True: draw at random. False: always the most probable code.</summary>
    /// <value>Null: the bundle's (true as published). A <see cref="Temperature"/> of 0 means false.</value>
    public bool? Sample { get; init; }

    /// <summary>Divides the logits before sampling; 0 is greedy.</summary>
    /// <value>Null: the bundle's (1 as published). Allowed: 0 to 100.</value>
    public double? Temperature { get; init; }

    /// <summary>Only this many of the most probable codes stay (ties with the last one too).</summary>
    /// <value>Null: the bundle's (50, the library default of the reference, where the published file names none). Allowed: 0 and more; 0 switches it off.</value>
    public int? TopK { get; init; }

    /// <summary>Nucleus sampling by the music libraries' rule: sorted ascending, what holds at most 1 - p of the mass goes.</summary>
    /// <value>Null: the bundle's (1: off). Allowed: 0 to 1.</value>
    public double? TopP { get; init; }

    /// <summary>Codes below this fraction of the most probable code's probability are dropped.</summary>
    /// <value>Null: off. Allowed: 0 to 1.</value>
    public double? MinP { get; init; }

    /// <summary>Locally typical sampling: codes nearest to the distribution's entropy, up to this mass.</summary>
    /// <value>Null: the bundle's (1: off). Allowed: above 0, to 1.</value>
    public double? TypicalP { get; init; }

    /// <summary>A preset of <see cref="Diffusion"/>, whose own values win over it.</summary>
    /// <value>Null: the bundle's values, which are the release's.</value>
    public MusicQuality? Quality { get; init; }

    /// <summary>How a diffusion decoder (AudioLDM2) works; other decoders ignore it, and a diffusion decoder ignores the settings of codes (<see cref="Sample"/> to <see cref="TypicalP"/>).</summary>
    /// <value><see cref="DiffusionOptions.Default"/>.</value>
    public DiffusionOptions Diffusion { get; init; } = DiffusionOptions.Default;

    /// <summary>Start of the random sequence: the same bundle, request, seed, machine and number of threads give the same samples.</summary>
    /// <value>Null: the seed of <see cref="GenerationOptions"/> if that has one, else a fresh random seed, which the result reports.</value>
    public ulong? Seed { get; init; }

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(MusicOptions);
        check.Duration(Owner, nameof(Duration), Duration, MaxDuration);
        check.Range(Owner, nameof(MaxNewTokens), MaxNewTokens, 1, 1_000_000);
        check.NotBoth(Owner, nameof(MaxNewTokens), MaxNewTokens, nameof(Duration), Duration);
        check.Defined(Owner, nameof(Conditioning), Conditioning);
        check.Range(Owner, nameof(GuidanceScale), GuidanceScale, 1, 100);
        check.Range(Owner, nameof(Temperature), Temperature, 0, 100);
        check.AtLeast(Owner, nameof(TopK), TopK, 0);
        check.Range(Owner, nameof(TopP), TopP, 0, 1);
        check.Range(Owner, nameof(MinP), MinP, 0, 1);
        check.AboveZeroTo(Owner, nameof(TypicalP), TypicalP, 1);
        if (Quality is { } quality)
        {
            check.Defined(Owner, nameof(Quality), quality);
        }

        check.NotNull(Owner, nameof(Diffusion), Diffusion);
        Diffusion?.Check(check);
    }
}
