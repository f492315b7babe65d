namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Makes schedulers.</summary>
internal static class SchedulerFactory
{
    /// <summary>Makes one. A schedule that ends in pure noise is DDIM's alone: the others begin at a noise level, which would be infinite there, and in diffusers do not read the key.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Unknown kind.</exception>
    public static IDiffusionScheduler Create(DiffusionScheduler kind, SchedulerConfig config) => kind == DiffusionScheduler.Ddim ? new DdimScheduler(config) : Other(kind, config with { RescaleBetasZeroSnr = false });

    private static IDiffusionScheduler Other(DiffusionScheduler kind, SchedulerConfig config) => kind switch
    {
        DiffusionScheduler.Pndm => new PndmScheduler(config),
        DiffusionScheduler.Lms => new LmsScheduler(config),
        DiffusionScheduler.Euler => new EulerScheduler(config),
        DiffusionScheduler.EulerAncestral => new EulerAncestralScheduler(config),
        DiffusionScheduler.Heun => new HeunScheduler(config),
        DiffusionScheduler.DpmSolver => new DpmSolverScheduler(config),
        DiffusionScheduler.UniPc => new UniPcScheduler(config),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown scheduler."),
    };

    /// <summary>The fewest and the most steps that a scheduler takes.</summary>
    public static (int Least, int Most) StepsOf(DiffusionScheduler kind, SchedulerConfig config) =>
        (kind == DiffusionScheduler.Pndm ? PndmScheduler.LeastSteps(config) : 1, config.TrainTimesteps);
}
