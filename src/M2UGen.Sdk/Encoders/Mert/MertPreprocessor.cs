using System.Numerics.Tensors;
using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Encoders.Mert;

/// <summary>Brings a window of sound into the form that MERT takes: transformers' Wav2Vec2FeatureExtractor.</summary>
/// <param name="SampleRate">In Hz, of the sound that is given.</param>
/// <param name="Normalizes">Whether a window gets mean 0 and variance 1.</param>
internal sealed record MertPreprocessor(int SampleRate, bool Normalizes)
{
    private const double VarianceEpsilon = 1e-7;

    /// <summary>Reads the manifest's <c>preprocessing.mert</c>.</summary>
    /// <exception cref="ModelBundleException">A value is missing or out of range.</exception>
    public static MertPreprocessor From(JsonObject section, string path)
    {
        PreprocessingNumbers numbers = new(section, "mert", path);
        return new MertPreprocessor(numbers.Integer("sampling_rate", AudioClip.MaxSampleRate), numbers.Flag("do_normalize"));
    }

    /// <summary>Fills <paramref name="values"/> with (x - mean) / sqrt(variance + 1e-7) over the whole window, or with x as it is.</summary>
    /// <param name="samples">One channel at <see cref="SampleRate"/>.</param>
    /// <param name="values">As long as <paramref name="samples"/>; may be the same memory.</param>
    public void Prepare(ReadOnlySpan<float> samples, Span<float> values)
    {
        if (!Normalizes || samples.IsEmpty)
        {
            samples.CopyTo(values);
            return;
        }

        // Sums in double: a minute of sound has 1.4 million samples, where a running float32 sum loses the digits that the reference's pairwise one keeps.
        double sum = 0;
        foreach (float sample in samples)
        {
            sum += sample;
        }

        double mean = sum / samples.Length;
        double squares = 0;
        foreach (float sample in samples)
        {
            double distance = sample - mean;
            squares += distance * distance;
        }

        TensorPrimitives.Subtract(samples, (float)mean, values);
        TensorPrimitives.Divide(values[..samples.Length], (float)Math.Sqrt((squares / samples.Length) + VarianceEpsilon), values);
    }
}
