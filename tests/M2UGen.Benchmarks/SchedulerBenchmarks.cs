using BenchmarkDotNet.Attributes;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Benchmarks;

/// <summary>Twenty steps of AudioLDM2's schedulers over latents of ten seconds, without the model.</summary>
public class SchedulerBenchmarks
{
    private const int Steps = 20;

    private readonly float[] _latents = Numbers.Gaussian(8 * 250 * 16, 1, seed: 1);
    private readonly float[] _predicted = Numbers.Gaussian(8 * 250 * 16, 1, seed: 2);
    private readonly float[] _input = new float[8 * 250 * 16];

    [Params(DiffusionScheduler.Ddim, DiffusionScheduler.DpmSolver, DiffusionScheduler.UniPc)]
    public DiffusionScheduler Scheduler { get; set; }

    [Benchmark(OperationsPerInvoke = Steps)]
    public float Step()
    {
        IDiffusionScheduler scheduler = SchedulerFactory.Create(Scheduler, new SchedulerConfig());
        scheduler.SetTimesteps(Steps, _latents.Length);
        float[] sample = [.. _latents];
        for (int i = 0; i < Steps; i++)
        {
            scheduler.ScaleInput(sample, _input);
            scheduler.Step(_predicted, sample, []);
        }

        return sample[0];
    }
}
