using System.Numerics.Tensors;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Triangles over the bins of a power spectrum, evenly spaced in mel (transformers audio_utils.py, mel_filter_bank). Immutable and thread-safe.</summary>
/// <remarks>A filter is zero but for a few bins; only those are kept.</remarks>
internal sealed class MelFilterBank
{
    // Slaney's scale: linear up to 1000 Hz (15 mel), logarithmic above.
    private const double SlaneyBreak = 1000;
    private const double SlaneyBreakMel = 15;
    private static readonly double SlaneyStep = Math.Log(6.4) / 27;

    private readonly (int Start, double[] Weights)[] _filters;

    /// <summary>Prepares the filters.</summary>
    /// <param name="sampleRate">In Hz.</param>
    /// <param name="binCount">Bins of the spectrum, from 0 Hz to half the rate.</param>
    /// <param name="count">Filters.</param>
    /// <param name="lowest">Where the first triangle begins, in Hz.</param>
    /// <param name="highest">Where the last one ends, in Hz.</param>
    /// <param name="slaney">Slaney's scale, and triangles of area one; otherwise HTK's scale, and triangles of height one.</param>
    public MelFilterBank(int sampleRate, int binCount, int count, double lowest, double highest, bool slaney)
    {
        double from = ToMel(lowest, slaney);
        double step = (ToMel(highest, slaney) - from) / (count + 1);
        double[] corners = new double[count + 2];
        for (int i = 0; i < corners.Length; i++)
        {
            corners[i] = ToHertz(from + (i * step), slaney);
        }

        // numpy's linspace up to the rate halved as a whole number.
        double spacing = (double)(sampleRate / 2) / (binCount - 1);
        _filters = new (int, double[])[count];
        for (int i = 0; i < count; i++)
        {
            _filters[i] = Triangle(corners[i], corners[i + 1], corners[i + 2], binCount, spacing, slaney ? 2 / (corners[i + 2] - corners[i]) : 1);
        }
    }

    /// <summary>Filters.</summary>
    public int Count => _filters.Length;

    /// <summary>Sums a power spectrum under each filter.</summary>
    /// <param name="power">The spectrum.</param>
    /// <param name="mel">[<see cref="Count"/>].</param>
    public void Apply(ReadOnlySpan<double> power, Span<double> mel)
    {
        for (int i = 0; i < _filters.Length; i++)
        {
            (int start, double[] weights) = _filters[i];
            mel[i] = TensorPrimitives.Dot(power.Slice(start, weights.Length), weights);
        }
    }

    /// <summary>A frequency in mel.</summary>
    internal static double ToMel(double hertz, bool slaney)
    {
        if (!slaney)
        {
            return 2595 * Math.Log10(1 + (hertz / 700));
        }

        return hertz < SlaneyBreak ? 3 * hertz / 200 : SlaneyBreakMel + (Math.Log(hertz / SlaneyBreak) / SlaneyStep);
    }

    /// <summary>A mel value in Hz.</summary>
    internal static double ToHertz(double mel, bool slaney)
    {
        if (!slaney)
        {
            return 700 * (Math.Pow(10, mel / 2595) - 1);
        }

        return mel < SlaneyBreakMel ? 200 * mel / 3 : SlaneyBreak * Math.Exp(SlaneyStep * (mel - SlaneyBreakMel));
    }

    private static (int Start, double[] Weights) Triangle(double left, double top, double right, int binCount, double spacing, double scale)
    {
        int start = binCount;
        List<double> weights = [];
        for (int bin = 0; bin < binCount; bin++)
        {
            double at = bin * spacing;
            double height = Math.Min((at - left) / (top - left), (right - at) / (right - top));
            if (height > 0)
            {
                start = Math.Min(start, bin);
                weights.Add(height * scale);
            }
        }

        return weights.Count == 0 ? (0, []) : (start, [.. weights]);
    }
}
