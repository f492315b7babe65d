namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Pseudo linear multistep method (PNDM, arXiv:2202.09778, formulas 9, 12 and 13): three Runge-Kutta steps of four model calls each to start with, then a fourth-order multistep.</summary>
/// <remarks>With <see cref="SchedulerConfig.SkipPrkSteps"/> the order rises from step to step instead, and the first step is taken twice.</remarks>
internal sealed class PndmScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private const int Order = 4;

    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private readonly float[][] _history = new float[Order][];
    private double[] _timesteps = [];
    private float[] _output = [];
    private float[] _start = [];
    private int _warmUp;
    private int _stride;
    private int _index;
    private int _kept;

    public ReadOnlySpan<double> Timesteps => _timesteps;

    public ReadOnlySpan<float> Sigmas => [];

    public float InitNoiseSigma => 1;

    public bool TakesNoise => false;

    /// <summary>The warm-up alone goes over three steps and needs the next one's time.</summary>
    public static int LeastSteps(SchedulerConfig config) => config.SkipPrkSteps ? 1 : Order;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(config, steps, LeastSteps(config));
        _stride = config.TrainTimesteps / steps;
        double[] times = TimestepTable.ToStart(config, steps, isWhole: true);
        _timesteps = config.SkipPrkSteps ? WithFirstTwice(times) : WithWarmUp(times);
        _warmUp = config.SkipPrkSteps ? 0 : (Order - 1) * 4;
        _output = new float[sampleLength];
        _start = new float[sampleLength];
        for (int i = 0; i < Order; i++)
        {
            _history[i] = new float[sampleLength];
        }

        _index = 0;
        _kept = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input) => sample.CopyTo(input);

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        if (_index < _warmUp)
        {
            RungeKutta(modelOutput, sample);
        }
        else
        {
            Multistep(modelOutput, sample);
        }

        _index++;
    }

    // The second time twice: the first step is corrected with what the model says at its end.
    private static double[] WithFirstTwice(double[] times) => times.Length < 2 ? times : [times[0], times[1], .. times[1..]];

    // Four calls from each of the first three times to the next: at its start, twice in its middle, at its end.
    private double[] WithWarmUp(double[] times)
    {
        int half = _stride / 2;
        List<double> warm = [];
        for (int i = 0; i < Order - 1; i++)
        {
            warm.AddRange([times[i], times[i + 1] + half, times[i + 1] + half, times[i + 1]]);
        }

        return [.. warm, .. times[(Order - 1)..]];
    }

    private void RungeKutta(ReadOnlySpan<float> modelOutput, Span<float> sample)
    {
        int stage = _index % 4;
        int time = (int)_timesteps[_index - stage];
        int previous = (int)_timesteps[_index] - (stage % 2 == 0 ? _stride / 2 : 0);
        ReadOnlySpan<float> used = modelOutput;
        switch (stage)
        {
            case 0:
                SampleMath.Combine(1.0 / 6, modelOutput, 0, modelOutput, _output);
                Keep(modelOutput);
                sample.CopyTo(_start);
                break;
            case 3:
                SampleMath.Add(1.0 / 6, modelOutput, _output);
                used = _output;
                break;
            default:
                SampleMath.Add(1.0 / 3, modelOutput, _output);
                break;
        }

        _start.CopyTo(sample);
        Advance(sample, time, previous, used);
    }

    private void Multistep(ReadOnlySpan<float> modelOutput, Span<float> sample)
    {
        int time = (int)_timesteps[_index];
        int previous = time - _stride;
        if (config.SkipPrkSteps && _index == 1)
        {
            (time, previous) = (time + _stride, time);
            SampleMath.Combine(0.5, modelOutput, 0.5, _history[0], _output);
            _start.CopyTo(sample);
        }
        else
        {
            Keep(modelOutput);
            if (_index == 0)
            {
                sample.CopyTo(_start);
            }

            // Adams-Bashforth, of as high an order as there are outputs.
            switch (_kept)
            {
                case 1:
                    modelOutput.CopyTo(_output);
                    break;
                case 2:
                    SampleMath.Combine(3.0 / 2, _history[0], -1.0 / 2, _history[1], _output);
                    break;
                case 3:
                    SampleMath.Combine(23.0 / 12, _history[0], -16.0 / 12, _history[1], _output);
                    SampleMath.Add(5.0 / 12, _history[2], _output);
                    break;
                default:
                    SampleMath.Combine(55.0 / 24, _history[0], -59.0 / 24, _history[1], _output);
                    SampleMath.Add(37.0 / 24, _history[2], _output);
                    SampleMath.Add(-9.0 / 24, _history[3], _output);
                    break;
            }
        }

        Advance(sample, time, previous, _output);
    }

    /// <summary>Remembers an output as the latest.</summary>
    private void Keep(ReadOnlySpan<float> modelOutput)
    {
        float[] oldest = _history[Order - 1];
        Array.Copy(_history, 0, _history, 1, Order - 1);
        _history[0] = oldest;
        modelOutput.CopyTo(oldest);
        _kept = Math.Min(Order, _kept + 1);
    }

    /// <summary>Formula 9 of the paper.</summary>
    private void Advance(Span<float> sample, int time, int previous, ReadOnlySpan<float> output)
    {
        double alpha = _schedule.AlphaAt(Math.Max(0, time));
        double alphaPrevious = _schedule.AlphaAt(previous);
        double beta = 1 - alpha;
        double betaPrevious = 1 - alphaPrevious;
        PredictedSample predicted = PredictedSample.At(config.PredictionType, Math.Sqrt(alpha), Math.Sqrt(beta));
        double divisor = (alpha * Math.Sqrt(betaPrevious)) + Math.Sqrt(alpha * beta * alphaPrevious);
        double ofNoise = (alphaPrevious - alpha) / divisor;
        SampleMath.Accumulate(-ofNoise * predicted.NoiseOfOutput, output, Math.Sqrt(alphaPrevious / alpha) - (ofNoise * predicted.NoiseOfX), sample);
    }
}
