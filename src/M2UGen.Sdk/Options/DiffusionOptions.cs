namespace M2UGen.Sdk;

/// <summary>How a diffusion decoder (AudioLDM2) goes from noise to music. Immutable; derive a variant by <c>with</c>. Other decoders ignore it.</summary>
/// <remarks>Null leaves a value to <see cref="MusicOptions.Quality"/>, and then to the bundle, which has the release's values.</remarks>
public sealed record DiffusionOptions
{
    /// <summary>The most candidates of one request.</summary>
    public static int MaxWaveforms { get; } = 64;

    /// <summary>All values left to the preset and the bundle.</summary>
    public static DiffusionOptions Default { get; } = new();

    /// <summary>The method.</summary>
    /// <value>Null: the bundle's (DDIM as published).</value>
    public DiffusionScheduler? Scheduler { get; init; }

    /// <summary>Steps from noise to music. Some methods call the model more than once a step.</summary>
    /// <value>Null: the bundle's (200 as released). Allowed: 1 to the times that the model was trained with (1000 as published); <see cref="DiffusionScheduler.Pndm"/> wants 4.</value>
    public int? Steps { get; init; }

    /// <summary>DDIM only: how much of each step's noise is drawn anew, from 0 (none) to 1 (as DDPM).</summary>
    /// <value>Null: 0. Allowed: 0 to 1.</value>
    public double? Eta { get; init; }

    /// <summary>What the music shall not be like; only looked at with guidance.</summary>
    /// <value>Null: the bundle's ("Low quality." as released). The empty text is one too.</value>
    public string? NegativePrompt { get; init; }

    /// <summary>Candidates to make from different noise. With more than one they are ranked by how well CLAP finds sound and caption to agree, best first.</summary>
    /// <value>Null: the bundle's (3 as released). Allowed: 1 to <see cref="MaxWaveforms"/>.</value>
    public int? WaveformsPerPrompt { get; init; }

    /// <summary>Noise levels of Karras and others (arXiv:2206.00364) instead of those of evenly spread times. DDIM, PNDM and Euler ancestral have no such levels.</summary>
    /// <value>Null: the bundle's (false as published).</value>
    public bool? KarrasSigmas { get; init; }

    /// <summary>Order of <see cref="DiffusionScheduler.DpmSolver"/> and <see cref="DiffusionScheduler.UniPc"/>.</summary>
    /// <value>Null: the bundle's (2). Allowed: 1 to 3.</value>
    public int? SolverOrder { get; init; }

    /// <summary>How steps are spread over the trained times.</summary>
    /// <value>Null: the bundle's (<see cref="TimestepSpacing.Leading"/> as published).</value>
    public TimestepSpacing? Spacing { get; init; }

    /// <summary>After how many model calls the unfinished latents are sent as a <see cref="LatentPreview"/>.</summary>
    /// <value>Null: never. Allowed: 1 to 100,000.</value>
    public int? PreviewInterval { get; init; }

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(DiffusionOptions);
        check.Range(Owner, nameof(Steps), Steps, 1, 1 << 16);
        check.Range(Owner, nameof(Eta), Eta, 0, 1);
        check.Range(Owner, nameof(WaveformsPerPrompt), WaveformsPerPrompt, 1, MaxWaveforms);
        check.Range(Owner, nameof(SolverOrder), SolverOrder, 1, 3);
        check.Range(Owner, nameof(PreviewInterval), PreviewInterval, 1, 100_000);
        if (Scheduler is { } scheduler)
        {
            check.Defined(Owner, nameof(Scheduler), scheduler);
        }

        if (Spacing is { } spacing)
        {
            check.Defined(Owner, nameof(Spacing), spacing);
        }
    }
}
