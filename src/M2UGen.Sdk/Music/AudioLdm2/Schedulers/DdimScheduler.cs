using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>DDIM (arXiv:2010.02502, formulas 12 and 16), the release's scheduler. With <see cref="SchedulerConfig.Eta"/> above 0 every step draws noise.</summary>
internal sealed class DdimScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private double[] _timesteps = [];
    private float[] _predicted = [];
    private float[] _scratch = [];
    private int _stride;
    private int _rows;
    private int _index;

    public ReadOnlySpan<double> Timesteps => _timesteps;

    public ReadOnlySpan<float> Sigmas => [];

    public float InitNoiseSigma => 1;

    public bool TakesNoise => config.Eta > 0;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(config, steps);
        _timesteps = TimestepTable.ToStart(config, steps, isWhole: true);
        _stride = config.TrainTimesteps / steps;
        _predicted = new float[sampleLength];
        _scratch = config.Thresholding ? new float[sampleLength / rows] : [];
        _rows = rows;
        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input) => sample.CopyTo(input);

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        int time = Math.Max(0, (int)_timesteps[_index++]);
        double alpha = _schedule.AlphaAt(time);
        double previous = _schedule.AlphaAt(time - _stride);
        PredictedSample predicted = PredictedSample.At(config.PredictionType, Math.Sqrt(alpha), Math.Sqrt(1 - alpha));
        SampleMath.Combine(predicted.SampleOfX, sample, predicted.SampleOfOutput, modelOutput, _predicted);
        if (config.Thresholding)
        {
            PredictedSample.Threshold(_predicted, _rows, config, _scratch);
        }
        else if (config.ClipSample)
        {
            TensorPrimitives.Clamp(_predicted, -config.ClipSampleRange, config.ClipSampleRange, _predicted);
        }

        double variance = (1 - previous) / (1 - alpha) * (1 - (alpha / previous));
        double deviation = config.Eta * Math.Sqrt(variance);
        double direction = Math.Sqrt(Math.Max(0, 1 - previous - (deviation * deviation)));
        SampleMath.Accumulate(direction * predicted.NoiseOfOutput, modelOutput, direction * predicted.NoiseOfX, sample);
        SampleMath.Add(Math.Sqrt(previous), _predicted, sample);
        if (TakesNoise)
        {
            SampleMath.Add(deviation, noise, sample);
        }
    }
}
