using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Heun's second-order method over noise levels (Karras and others, arXiv:2206.00364, algorithm 1): every step but the last asks the model twice.</summary>
internal sealed class HeunScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private double[] _timesteps = [];
    private float[] _sigmas = [];
    private float[] _derivative = [];
    private float[] _first = [];
    private float[] _start = [];
    private int _index;

    public ReadOnlySpan<double> Timesteps => _timesteps;

    public ReadOnlySpan<float> Sigmas => _sigmas;

    public float InitNoiseSigma { get; private set; } = 1;

    public bool TakesNoise => false;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(config, steps);
        SigmaTable table = SigmaTable.Create(config, _schedule, steps);
        InitNoiseSigma = table.InitNoiseSigma;
        _timesteps = [table.Timesteps[0], .. table.Timesteps.Skip(1).SelectMany(time => new[] { time, time })];
        _sigmas = [table.Sigmas[0], .. table.Sigmas[1..^1].SelectMany(sigma => new[] { sigma, sigma }), 0];
        _derivative = new float[sampleLength];
        _first = new float[sampleLength];
        _start = new float[sampleLength];
        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input)
    {
        float sigma = _sigmas[_index];
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), input);
    }

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        if (_index % 2 == 0)
        {
            double sigma = _sigmas[_index];
            Differentiate(modelOutput, sample, sigma, _first);
            sample.CopyTo(_start);
            SampleMath.Add(_sigmas[_index + 1] - sigma, _first, sample);
        }
        else
        {
            // From the start again, with the mean of the derivatives at both ends.
            double change = (double)_sigmas[_index] - _sigmas[_index - 1];
            Differentiate(modelOutput, sample, _sigmas[_index], _derivative);
            _start.CopyTo(sample);
            SampleMath.Add(change / 2, _first, sample);
            SampleMath.Add(change / 2, _derivative, sample);
        }

        _index++;
    }

    private void Differentiate(ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> sample, double sigma, Span<float> derivative)
    {
        PredictedSample predicted = PredictedSample.AtSigma(config.PredictionType, sigma);
        if (!config.ClipSample)
        {
            SampleMath.Combine(predicted.NoiseOfX, sample, predicted.NoiseOfOutput, modelOutput, derivative);
            return;
        }

        SampleMath.Combine(predicted.SampleOfX, sample, predicted.SampleOfOutput, modelOutput, derivative);
        TensorPrimitives.Clamp(derivative, -config.ClipSampleRange, config.ClipSampleRange, derivative);
        SampleMath.Accumulate(1 / sigma, sample, -1 / sigma, derivative);
    }
}
