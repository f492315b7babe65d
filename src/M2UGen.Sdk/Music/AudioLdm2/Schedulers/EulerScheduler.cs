using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Euler's method over noise levels (Karras and others, arXiv:2206.00364, algorithm 2 without churn).</summary>
internal sealed class EulerScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private SigmaTable _table = SigmaTable.Empty;
    private int _index;

    public ReadOnlySpan<double> Timesteps => _table.Timesteps;

    public ReadOnlySpan<float> Sigmas => _table.Sigmas;

    public float InitNoiseSigma => _table.InitNoiseSigma;

    public bool TakesNoise => false;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(config, steps);
        _table = SigmaTable.Create(config, _schedule, steps);
        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input)
    {
        float sigma = _table.Sigmas[_index];
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), input);
    }

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        double sigma = _table.Sigmas[_index];
        double change = _table.Sigmas[++_index] - sigma;
        PredictedSample predicted = PredictedSample.AtSigma(config.PredictionType, sigma);
        SampleMath.Accumulate(change * predicted.NoiseOfOutput, modelOutput, 1 + (change * predicted.NoiseOfX), sample);
    }
}
