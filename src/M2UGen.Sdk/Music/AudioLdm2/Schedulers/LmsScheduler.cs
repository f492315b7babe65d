using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Linear multistep method over noise levels (Katherine Crowson's k-diffusion, sample_lms): the derivatives of the last steps, each with the integral of its Lagrange polynomial.</summary>
internal sealed class LmsScheduler(SchedulerConfig config) : IDiffusionScheduler
{
    private const int Order = 4;

    private readonly NoiseSchedule _schedule = NoiseSchedule.Create(config);
    private readonly float[][] _derivatives = new float[Order][];
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
        for (int i = 0; i < _derivatives.Length; i++)
        {
            _derivatives[i] = new float[sampleLength];
        }

        _index = 0;
    }

    public void ScaleInput(ReadOnlySpan<float> sample, Span<float> input)
    {
        float sigma = _table.Sigmas[_index];
        TensorPrimitives.Divide(sample, MathF.Sqrt((sigma * sigma) + 1), input);
    }

    public void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise)
    {
        PredictedSample predicted = PredictedSample.AtSigma(config.PredictionType, _table.Sigmas[_index]);
        float[] oldest = _derivatives[^1];
        Array.Copy(_derivatives, 0, _derivatives, 1, _derivatives.Length - 1);
        _derivatives[0] = oldest;
        SampleMath.Combine(predicted.NoiseOfX, sample, predicted.NoiseOfOutput, modelOutput, oldest);
        int order = Math.Min(_index + 1, Order);
        for (int i = 0; i < order; i++)
        {
            SampleMath.Add(Integral(order, i), _derivatives[i], sample);
        }

        _index++;
    }

    /// <summary>The integral, over this step, of the polynomial that is 1 at the level of <paramref name="which"/> steps ago and 0 at the others: Gauss and Legendre's two points are exact for its third degree.</summary>
    private double Integral(int order, int which)
    {
        double from = _table.Sigmas[_index];
        double to = _table.Sigmas[_index + 1];
        double middle = (from + to) / 2;
        double half = (to - from) / 2;
        double offset = half / Math.Sqrt(3);
        return half * (Lagrange(middle - offset, order, which) + Lagrange(middle + offset, order, which));
    }

    private double Lagrange(double sigma, int order, int which)
    {
        double product = 1;
        double own = _table.Sigmas[_index - which];
        for (int k = 0; k < order; k++)
        {
            if (k != which)
            {
                double other = _table.Sigmas[_index - k];
                product *= (sigma - other) / (own - other);
            }
        }

        return product;
    }
}
