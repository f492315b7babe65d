using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>A model's output as noise and as a finished sample, both linear in the sample x and the output m; and what keeps the finished sample in bounds.</summary>
/// <param name="SampleOfX">Finished sample: factor of x.</param>
/// <param name="SampleOfOutput">Finished sample: factor of m.</param>
/// <param name="NoiseOfX">Noise: factor of x.</param>
/// <param name="NoiseOfOutput">Noise: factor of m.</param>
internal readonly record struct PredictedSample(double SampleOfX, double SampleOfOutput, double NoiseOfX, double NoiseOfOutput)
{
    /// <summary>For x = alpha · sample + sigma · noise.</summary>
    public static PredictedSample At(PredictionType type, double alpha, double sigma) => type == PredictionType.Epsilon
        ? new PredictedSample(1 / alpha, -sigma / alpha, 0, 1)
        : new PredictedSample(alpha, -sigma, sigma, alpha);

    /// <summary>For x = sample + sigma · noise, the model seeing x / sqrt(sigma² + 1). The noise is the derivative of x by sigma.</summary>
    public static PredictedSample AtSigma(PredictionType type, double sigma)
    {
        double power = (sigma * sigma) + 1;
        double root = Math.Sqrt(power);
        return type == PredictionType.Epsilon
            ? new PredictedSample(1, -sigma, 0, 1)
            : new PredictedSample(1 / power, -sigma / root, sigma / power, 1 / root);
    }

    /// <summary>Clips every row to its own quantile and scales it back to ±1 (Imagen, arXiv:2205.11487, section 2.3).</summary>
    /// <param name="sample">Rows of equal length.</param>
    /// <param name="rows">How many.</param>
    /// <param name="config">Ratio and largest threshold.</param>
    /// <param name="scratch">As long as a row.</param>
    public static void Threshold(Span<float> sample, int rows, SchedulerConfig config, Span<float> scratch)
    {
        int length = sample.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            Span<float> values = sample.Slice(row * length, length);
            Span<float> sorted = scratch[..length];
            TensorPrimitives.Abs(values, sorted);
            sorted.Sort();
            double rank = config.DynamicThresholdingRatio * (length - 1);
            int below = (int)rank;
            float quantile = below + 1 < length ? (float)(sorted[below] + ((rank - below) * (sorted[below + 1] - sorted[below]))) : sorted[below];
            float threshold = Math.Min(Math.Max(quantile, 1), config.SampleMaxValue);
            TensorPrimitives.Clamp(values, -threshold, threshold, values);
            TensorPrimitives.Divide(values, threshold, values);
        }
    }
}
