namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Makes schedulers.</summary>
internal static class SchedulerFactory
{
    /// <exception cref="ArgumentOutOfRangeException">Unknown kind.</exception>
    public static IDiffusionScheduler Create(DiffusionScheduler kind, SchedulerConfig config) => kind switch
    {
        DiffusionScheduler.Ddim => new DdimScheduler(config),
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
