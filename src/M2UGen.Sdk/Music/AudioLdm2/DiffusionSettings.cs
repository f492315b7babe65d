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
    /// <remarks>Karras levels bring DPM-Solver two to seven times nearer to many DDIM steps than evenly spread times do (docs/how-to/audioldm2.md): published bundles' times leave the noisiest out.</remarks>
    public static DiffusionOptions Preset(MusicQuality? quality) => quality switch
    {
        MusicQuality.Draft => new DiffusionOptions { Scheduler = DiffusionScheduler.DpmSolver, KarrasSigmas = true, Steps = 20, WaveformsPerPrompt = 1 },
        MusicQuality.Standard => new DiffusionOptions { Scheduler = DiffusionScheduler.DpmSolver, KarrasSigmas = true, Steps = 50, WaveformsPerPrompt = 3 },
        MusicQuality.Reference => new DiffusionOptions { Scheduler = DiffusionScheduler.Ddim, Steps = 200, WaveformsPerPrompt = 3 },
        _ => DiffusionOptions.Default,
    };

    /// <summary>Merges what was asked for.</summary>
    /// <exception cref="ArgumentException">The scheduler cannot take so many steps.</exception>
    public static DiffusionSettings Of(AudioLdm2Config config, MusicOptions options)
    {
        DiffusionOptions diffusion = options.Diffusion;
        DiffusionOptions preset = Preset(options.Quality);
        DiffusionScheduler scheduler = diffusion.Scheduler ?? preset.Scheduler ?? config.Scheduler;

        // A preset's levels are meant for its scheduler; another one that was asked for has the bundle's.
        bool? levels = diffusion.KarrasSigmas ?? (scheduler == preset.Scheduler ? preset.KarrasSigmas : null);
        SchedulerConfig own = config.SchedulerConfig;
        DiffusionSettings settings = new(
            scheduler,
            own with
            {
                Eta = diffusion.Eta ?? 0,
                UseKarrasSigmas = levels ?? own.UseKarrasSigmas,
                SolverOrder = diffusion.SolverOrder ?? own.SolverOrder,
                Spacing = diffusion.Spacing ?? own.Spacing,
            },
            diffusion.Steps ?? preset.Steps ?? config.Defaults.Steps,
            options.GuidanceScale ?? config.Defaults.GuidanceScale,
            diffusion.NegativePrompt ?? config.Defaults.NegativePrompt,
            diffusion.WaveformsPerPrompt ?? preset.WaveformsPerPrompt ?? config.Defaults.WaveformsPerPrompt,
            diffusion.PreviewInterval ?? 0);

        (int least, int most) = SchedulerFactory.StepsOf(settings.Scheduler, settings.SchedulerConfig);
        return settings.Steps >= least && settings.Steps <= most
            ? settings
            : throw new ArgumentException($"MusicOptions.Diffusion.Steps is {settings.Steps}; {settings.Scheduler} takes {least} to {most} steps with this bundle.", nameof(options));
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
