namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>UniPC (arXiv:2302.04867): a multistep predictor, and a corrector that goes over each step again with the output at its end, at no further model call.</summary>
internal sealed class UniPcScheduler : IDiffusionScheduler
{
    /// <summary>No published use goes beyond it.</summary>
    public const int MostOrder = 4;

    private readonly SchedulerConfig _config;
    private readonly NoiseSchedule _schedule;
    private readonly HalfLogSnr _snr;
    private readonly float[][] _outputs;
    private readonly int[] _times;
    private double[] _timesteps = [];
    private float[] _converted = [];
    private float[] _last = [];
    private float[] _scratch = [];
    private int _rows;
    private int _index;
    private int _order;
    private int _kept;

    public UniPcScheduler(SchedulerConfig config)
    {
        _config = config;
        _schedule = NoiseSchedule.Create(config);
        _snr = new HalfLogSnr(_schedule);
        _outputs = new float[config.SolverOrder][];
        _times = new int[config.SolverOrder];
    }

    public ReadOnlySpan<double> Timesteps => _timesteps;

    public ReadOnlySpan<float> Sigmas => [];

    public float InitNoiseSigma => 1;

    public bool TakesNoise => false;

    public void SetTimesteps(int steps, int sampleLength, int rows = 1)
    {
        SchedulerSteps.Check(_config, steps);
        _timesteps = HalfLogSnr.Times(_config, _schedule, steps, _config.TrainTimesteps);
        for (int i = 0; i < _outputs.Length; i++)
        {
            _outputs[i] = new float[sampleLength];
        }

        _converted = new float[sampleLength];
        _last = new float[sampleLength];
        _scratch = _config.Thresholding ? new float[sampleLength / rows] : [];
        _rows = rows;
        _index = 0;
        _order = 0;
        _kept = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input) => sample.CopyTo(input);

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        int time = _snr.Index(_timesteps[_index]);
        Convert(modelOutput, sample, time);
        if (_index > 0 && !_config.UncorrectedSteps.Contains(_index - 1))
        {
            Correct(sample, time);
        }

        Keep(time);
        int left = _timesteps.Length - _index;
        _order = Math.Min(Math.Min(_config.SolverOrder, _config.LowerOrderFinal ? left : _config.SolverOrder), _kept);
        sample.CopyTo(_last);
        Predict(sample, left == 1 ? 0 : _snr.Index(_timesteps[_index + 1]));
        _index++;
    }

    /// <summary>From the sample at the latest time to the next.</summary>
    private void Predict(Span<float> sample, int t)
    {
        double h = (double)_snr.Lambda[t] - _snr.Lambda[_times[0]];
        if (h == 0)
        {
            return;
        }

        Span<double> ratios = stackalloc double[MostOrder];
        Span<double> weights = stackalloc double[MostOrder];
        double factor = Start(sample, t, h, ratios);
        if (_order > 1)
        {
            // The last ratio, 1, belongs to the output at the step's end, which only the corrector has.
            Weights(h, ratios[..(_order - 1)], weights[..(_order - 1)], isSimple: _order == 2);
            Differences(sample, factor, ratios, weights);
        }
    }

    /// <summary>The last step again, now that the output at its end is there.</summary>
    private void Correct(Span<float> sample, int t)
    {
        double h = (double)_snr.Lambda[t] - _snr.Lambda[_times[0]];
        if (h == 0)
        {
            return;
        }

        Span<double> ratios = stackalloc double[MostOrder];
        Span<double> weights = stackalloc double[MostOrder];
        _last.CopyTo(sample);
        double factor = Start(sample, t, h, ratios);
        ratios[_order - 1] = 1;
        Weights(h, ratios[.._order], weights[.._order], isSimple: _order == 1);
        Differences(sample, factor, ratios, weights);
        double atEnd = factor * weights[_order - 1];
        SampleMath.Add(atEnd, _converted, sample);
        SampleMath.Add(-atEnd, _outputs[0], sample);
    }

    /// <summary>The first-order part of a step; the ratios of the earlier outputs' times; the factor of the rest.</summary>
    private double Start(Span<float> sample, int t, double h, Span<double> ratios)
    {
        int s0 = _times[0];
        double phi = Math.Exp(_config.PredictX0 ? -h : h) - 1;
        double signed = _config.PredictX0 ? -h : h;
        double target = _config.PredictX0 ? _snr.Alpha[t] : _snr.Sigma[t];
        double ofSample = _config.PredictX0 ? (double)_snr.Sigma[t] / _snr.Sigma[s0] : (double)_snr.Alpha[t] / _snr.Alpha[s0];
        SampleMath.Accumulate(-target * phi, _outputs[0], ofSample, sample);
        for (int i = 1; i < _order; i++)
        {
            ratios[i - 1] = ((double)_snr.Lambda[_times[i]] - _snr.Lambda[s0]) / h;
        }

        return -target * (_config.UniPcBh1 ? signed : phi);
    }

    /// <summary>Adds the earlier outputs' divided differences from the latest.</summary>
    private void Differences(Span<float> sample, double factor, ReadOnlySpan<double> ratios, ReadOnlySpan<double> weights)
    {
        for (int i = 1; i < _order; i++)
        {
            double weight = factor * weights[i - 1] / ratios[i - 1];
            SampleMath.Add(weight, _outputs[i], sample);
            SampleMath.Add(-weight, _outputs[0], sample);
        }
    }

    /// <summary>Solves sum_k ratio_k^i · weight_k = b_i, b of the integrals of exp over the step.</summary>
    private void Weights(double h, ReadOnlySpan<double> ratios, Span<double> weights, bool isSimple)
    {
        if (isSimple)
        {
            weights[0] = 0.5;
            return;
        }

        int n = ratios.Length;
        double signed = _config.PredictX0 ? -h : h;
        double phi = Math.Exp(signed) - 1;
        double divisor = _config.UniPcBh1 ? signed : phi;
        double next = (phi / signed) - 1;
        double factorial = 1;
        Span<double> matrix = stackalloc double[MostOrder * MostOrder];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < n; k++)
            {
                matrix[(i * n) + k] = Math.Pow(ratios[k], i);
            }

            weights[i] = next * factorial / divisor;
            factorial *= i + 2;
            next = (next / signed) - (1 / factorial);
        }

        Solve(matrix, weights, n);
    }

    /// <summary>Gauss' elimination with pivots; the right side becomes the solution.</summary>
    private static void Solve(Span<double> matrix, Span<double> right, int n)
    {
        for (int column = 0; column < n; column++)
        {
            int pivot = column;
            for (int row = column + 1; row < n; row++)
            {
                pivot = Math.Abs(matrix[(row * n) + column]) > Math.Abs(matrix[(pivot * n) + column]) ? row : pivot;
            }

            for (int k = 0; k < n; k++)
            {
                (matrix[(column * n) + k], matrix[(pivot * n) + k]) = (matrix[(pivot * n) + k], matrix[(column * n) + k]);
            }

            (right[column], right[pivot]) = (right[pivot], right[column]);
            for (int row = 0; row < n; row++)
            {
                if (row != column)
                {
                    double factor = matrix[(row * n) + column] / matrix[(column * n) + column];
                    for (int k = column; k < n; k++)
                    {
                        matrix[(row * n) + k] -= factor * matrix[(column * n) + k];
                    }

                    right[row] -= factor * right[column];
                }
            }
        }

        for (int i = 0; i < n; i++)
        {
            right[i] /= matrix[(i * n) + i];
        }
    }

    private void Convert(ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> sample, int time)
    {
        PredictedSample predicted = PredictedSample.At(_config.PredictionType, _snr.Alpha[time], _snr.Sigma[time]);
        if (!_config.PredictX0)
        {
            SampleMath.Combine(predicted.NoiseOfX, sample, predicted.NoiseOfOutput, modelOutput, _converted);
            return;
        }

        SampleMath.Combine(predicted.SampleOfX, sample, predicted.SampleOfOutput, modelOutput, _converted);
        if (_config.Thresholding)
        {
            PredictedSample.Threshold(_converted, _rows, _config, _scratch);
        }
    }

    /// <summary>Remembers the converted output as the latest.</summary>
    private void Keep(int time)
    {
        float[] oldest = _outputs[^1];
        Array.Copy(_outputs, 0, _outputs, 1, _outputs.Length - 1);
        Array.Copy(_times, 0, _times, 1, _times.Length - 1);
        _outputs[0] = oldest;
        _times[0] = time;
        _converted.CopyTo(oldest, 0);
        _kept = Math.Min(_kept + 1, _outputs.Length);
    }
}
