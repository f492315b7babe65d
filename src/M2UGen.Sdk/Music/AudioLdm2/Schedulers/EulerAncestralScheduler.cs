using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Euler's method that steps below the next noise level and adds noise up to it (k-diffusion, sample_euler_ancestral).</summary>
internal sealed class EulerAncestralScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private SigmaTable _table = SigmaTable.Empty;
    private int _index;

    public ReadOnlySpan<double> Timesteps => _table.Timesteps;

    public ReadOnlySpan<float> Sigmas => _table.Sigmas;

    public float InitNoiseSigma => _table.InitNoiseSigma;

    public bool TakesNoise => true;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(config, steps);
        _table = SigmaTable.Create(config, _schedule, steps, canBeKarras: false);
        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input)
    {
        float sigma = _table.Sigmas[_index];
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), input);
    }

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        double from = _table.Sigmas[_index];
        double to = _table.Sigmas[++_index];
        double up = Math.Sqrt(Math.Max(0, to * to * ((from * from) - (to * to)) / (from * from)));
        double down = Math.Sqrt(Math.Max(0, (to * to) - (up * up)));
        double change = down - from;
        PredictedSample predicted = PredictedSample.AtSigma(config.PredictionType, from);
        SampleMath.Accumulate(change * predicted.NoiseOfOutput, modelOutput, 1 + (change * predicted.NoiseOfX), sample);
        SampleMath.Add(up, noise, sample);
    }
}
