using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>A request's options, its preset and the bundle's values made one.</summary>
/// <param name="Scheduler">The method.</param>
/// <param name="SchedulerConfig">Its numbers.</param>
/// <param name="Steps">Steps asked for.</param>
/// <param name="GuidanceScale">1: no guidance.</param>
/// <param name="NegativePrompt">Only used with guidance.</param>
/// <param name="Waveforms">Candidates.</param>
/// <param name="PreviewInterval">0: no previews.</param>
internal sealed record DiffusionSettings(DiffusionScheduler Scheduler, SchedulerConfig SchedulerConfig, int Steps, double GuidanceScale, string NegativePrompt, int Waveforms, int PreviewInterval)
{
    /// <summary>Whether every step asks for the negative prompt's prediction too.</summary>
    public bool IsGuided => GuidanceScale > 1;

    /// <summary>What a preset stands for; null leaves a value to the bundle.</summary>
    public static (DiffusionScheduler? Scheduler, int? Steps, int? Waveforms) Preset(MusicQuality? quality) => quality switch
    {
        MusicQuality.Draft => (DiffusionScheduler.DpmSolver, 20, 1),
        MusicQuality.Standard => (DiffusionScheduler.DpmSolver, 50, 3),
        MusicQuality.Reference => (DiffusionScheduler.Ddim, 200, 3),
        _ => (null, null, null),
    };

    /// <summary>Merges what was asked for.</summary>
    /// <exception cref="ArgumentException">The scheduler cannot take so many steps.</exception>
    public static DiffusionSettings Of(AudioLdm2Config config, MusicOptions options)
    {
        DiffusionOptions diffusion = options.Diffusion;
        (DiffusionScheduler? scheduler, int? steps, int? waveforms) = Preset(options.Quality);
        SchedulerConfig own = config.SchedulerConfig;
        DiffusionSettings settings = new(
            diffusion.Scheduler ?? scheduler ?? config.Scheduler,
            own with
            {
                Eta = diffusion.Eta ?? 0,
                UseKarrasSigmas = diffusion.KarrasSigmas ?? own.UseKarrasSigmas,
                SolverOrder = diffusion.SolverOrder ?? own.SolverOrder,
                Spacing = diffusion.Spacing ?? own.Spacing,
            },
            diffusion.Steps ?? steps ?? config.Defaults.Steps,
            options.GuidanceScale ?? config.Defaults.GuidanceScale,
            diffusion.NegativePrompt ?? config.Defaults.NegativePrompt,
            diffusion.WaveformsPerPrompt ?? waveforms ?? config.Defaults.WaveformsPerPrompt,
            diffusion.PreviewInterval ?? 0);

        // Whether so many steps can be taken is the scheduler's to say; the tables cost next to nothing.
        try
        {
            settings.Begin(1);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new ArgumentException($"MusicOptions.Diffusion: {e.Message}", nameof(options), e);
        }

        return settings;
    }

    /// <summary>A trajectory's scheduler.</summary>
    /// <param name="sampleLength">Elements of the latents.</param>
    public IDiffusionScheduler Begin(int sampleLength)
    {
        IDiffusionScheduler scheduler = SchedulerFactory.Create(Scheduler, SchedulerConfig);
        scheduler.SetTimesteps(Steps, sampleLength);
        return scheduler;
    }
}
