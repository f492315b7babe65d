namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>DPM-Solver (arXiv:2206.00927) and DPM-Solver++ (arXiv:2211.01095) as multistep methods of order 1 to 3, also with noise at every step.</summary>
/// <remarks>
/// A step is x' = a · x + b · D0 + c · D1 + d · D2 (+ e · noise), D0 the converted output and D1, D2 its divided differences over lambda.
/// Where Karras times end at time 0 the last step has no length: the sample stays as it is (the reference's third order divides zero by zero there).
/// </remarks>
internal sealed class DpmSolverScheduler : IDiffusionScheduler
{
    private const int MostOrder = 3;

    // From so many steps on the last ones keep their order.
    private const int StableSteps = 15;

    private readonly SchedulerConfig _config;
    private readonly NoiseSchedule _schedule;
    private readonly HalfLogSnr _snr;
    private readonly float[][] _outputs = new float[MostOrder][];
    private double[] _timesteps = [];
    private float[] _scratch = [];
    private int _rows;
    private int _index;

    public DpmSolverScheduler(SchedulerConfig config)
    {
        _config = config;
        _schedule = NoiseSchedule.Create(config);
        _snr = new HalfLogSnr(_schedule);
    }

    public ReadOnlySpan<double> Timesteps => _timesteps;

    public ReadOnlySpan<float> Sigmas => [];

    public float InitNoiseSigma => 1;

    public bool TakesNoise => IsStochastic;

    private bool IsStochastic => _config.Algorithm is DpmAlgorithm.SdeDpmSolver or DpmAlgorithm.SdeDpmSolverPlusPlus;

    private bool PredictsSample => _config.Algorithm is DpmAlgorithm.DpmSolverPlusPlus or DpmAlgorithm.SdeDpmSolverPlusPlus;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(_config, steps);
        int end = _config.TrainTimesteps - _snr.Lambda.Count(lambda => lambda < _config.LambdaMinClipped);
        _timesteps = HalfLogSnr.Times(_config, _schedule, steps, end);
        for (int i = 0; i < MostOrder; i++)
        {
            _outputs[i] = new float[sampleLength];
        }

        _scratch = _config.Thresholding ? new float[sampleLength / rows] : [];
        _rows = rows;
        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input) => sample.CopyTo(input);

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        int count = _timesteps.Length;
        int s0 = _snr.Index(_timesteps[_index]);
        int t = _index == count - 1 ? 0 : _snr.Index(_timesteps[_index + 1]);
        Convert(modelOutput, sample, s0);
        double h = (double)_snr.Lambda[t] - _snr.Lambda[s0];
        int order = Order(count);
        if (h != 0)
        {
            Update(sample, noise, order, t, s0, h);
        }

        _index++;
    }

    /// <summary>As high as there are outputs, and lower at the end of few steps. The equations with noise are only known up to the second.</summary>
    private int Order(int count)
    {
        int order = Math.Min(Math.Min(_config.SolverOrder, IsStochastic ? 2 : MostOrder), _index + 1);
        return _config.LowerOrderFinal && count < StableSteps ? Math.Min(order, count - _index) : order;
    }

    private void Update(Span<float> sample, ReadOnlySpan<float> noise, int order, int t, int s0, double h)
    {
        (double ofSample, double of0, double of1, double of2, double ofNoise) = Coefficients(order, t, s0, h);
        double m0 = of0;
        double m1 = 0;
        double m2 = 0;
        if (order >= 2)
        {
            int s1 = _snr.Index(_timesteps[_index - 1]);
            double r0 = ((double)_snr.Lambda[s0] - _snr.Lambda[s1]) / h;
            if (order == 2)
            {
                m0 += of1 / r0;
                m1 -= of1 / r0;
            }
            else
            {
                // D1 and D2 as sums of the first differences (m0 - m1) / r0 and (m1 - m2) / r1.
                int s2 = _snr.Index(_timesteps[_index - 2]);
                double r1 = ((double)_snr.Lambda[s1] - _snr.Lambda[s2]) / h;
                double second = ((of1 * r0) + of2) / (r0 + r1);
                double near = (of1 + second) / r0;
                double far = -second / r1;
                m0 += near;
                m1 += far - near;
                m2 -= far;
            }
        }

        SampleMath.Accumulate(m0, _outputs[0], ofSample, sample);
        if (order >= 2)
        {
            SampleMath.Add(m1, _outputs[1], sample);
        }

        if (order >= 3)
        {
            SampleMath.Add(m2, _outputs[2], sample);
        }

        if (IsStochastic)
        {
            SampleMath.Add(ofNoise, noise, sample);
        }
    }

    /// <summary>The factors of x, D0, D1, D2 and the noise.</summary>
    private (double Sample, double D0, double D1, double D2, double Noise) Coefficients(int order, int t, int s0, double h)
    {
        double alpha = _snr.Alpha[t];
        double sigma = _snr.Sigma[t];
        double alphas = alpha / _snr.Alpha[s0];
        double sigmas = sigma / _snr.Sigma[s0];
        bool isMidpoint = order == 2 && _config.SolverType == DpmSolverType.Midpoint;
        double phi;
        switch (_config.Algorithm)
        {
            case DpmAlgorithm.DpmSolverPlusPlus:
                phi = Math.Exp(-h) - 1;
                return (sigmas, -alpha * phi, isMidpoint ? -0.5 * alpha * phi : alpha * ((phi / h) + 1), -alpha * (((phi + h) / (h * h)) - 0.5), 0);
            case DpmAlgorithm.DpmSolver:
                phi = Math.Exp(h) - 1;
                return (alphas, -sigma * phi, isMidpoint ? -0.5 * sigma * phi : -sigma * ((phi / h) - 1), -sigma * (((phi - h) / (h * h)) - 0.5), 0);
            case DpmAlgorithm.SdeDpmSolverPlusPlus:
                phi = 1 - Math.Exp(-2 * h);
                return (sigmas * Math.Exp(-h), alpha * phi, isMidpoint ? 0.5 * alpha * phi : alpha * ((phi / (-2 * h)) + 1), 0, sigma * Math.Sqrt(phi));
            default:
                phi = Math.Exp(h) - 1;
                return (alphas, -2 * sigma * phi, isMidpoint ? -sigma * phi : -2 * sigma * ((phi / h) - 1), 0, sigma * Math.Sqrt(Math.Exp(2 * h) - 1));
        }
    }

    /// <summary>Remembers the output as the latest, as sample or as noise.</summary>
    private void Convert(ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> sample, int time)
    {
        float[] latest = _outputs[^1];
        Array.Copy(_outputs, 0, _outputs, 1, _outputs.Length - 1);
        _outputs[0] = latest;
        double alpha = _snr.Alpha[time];
        double sigma = _snr.Sigma[time];
        PredictedSample predicted = PredictedSample.At(_config.PredictionType, alpha, sigma);
        if (!PredictsSample && !_config.Thresholding)
        {
            SampleMath.Combine(predicted.NoiseOfX, sample, predicted.NoiseOfOutput, modelOutput, latest);
            return;
        }

        SampleMath.Combine(predicted.SampleOfX, sample, predicted.SampleOfOutput, modelOutput, latest);
        if (_config.Thresholding)
        {
            PredictedSample.Threshold(latest, _rows, _config, _scratch);
        }

        if (!PredictsSample)
        {
            SampleMath.Accumulate(1 / sigma, sample, -alpha / sigma, latest);
        }
    }
}
