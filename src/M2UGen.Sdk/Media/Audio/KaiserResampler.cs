using System.Numerics;
using System.Numerics.Tensors;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Resampling with a long Kaiser-windowed sinc: from 16 to 48 kHz what librosa's default (soxr "HQ") does, to float32 rounding.</summary>
/// <remarks>
/// y[n] = Σ_k x[k] h(M n - L k), zeros outside x, for the ratio L/M in lowest terms; h(z) = L F sinc(F z) I0(β √(1 - (z/(H+½))²)) / I0(β) for |z| ≤ H.
/// F and H are soxr's for L = 3, M = 1 (581 taps). soxr's filters for other ratios are not known in closed form: there the same filter is stretched to the ratio.
/// In float64: CLAP's scores hang on what little lies above the old rate's half. Thread-safe.
/// </remarks>
internal sealed class KaiserResampler
{
    private const double Cutoff = 3 * 0.31895727;
    private const double Beta = 13.04003976;
    private const double HalfWidth = 290 / 3.0;

    private static readonly double WindowScale = 1 / BesselI0(Beta);

    /// <summary>The largest table of taps kept; with more (rates without a common divisor) they are computed where needed.</summary>
    private const long MaxTableValues = 1 << 22;

    private readonly int _up;
    private readonly int _down;
    private readonly int _half;
    private readonly double _cutoff;
    private readonly (int Offset, double[] Taps)[]? _phases;

    /// <summary>Prepares the filter.</summary>
    /// <param name="fromRate">In Hz.</param>
    /// <param name="toRate">In Hz.</param>
    public KaiserResampler(int fromRate, int toRate)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fromRate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(toRate, 1);
        int divisor = (int)BigInteger.GreatestCommonDivisor(fromRate, toRate);
        _up = toRate / divisor;
        _down = fromRate / divisor;
        int wider = Math.Max(_up, _down);
        _half = (int)Math.Round(HalfWidth * wider);
        _cutoff = Cutoff / wider;
        if ((2L * _half) + _up <= MaxTableValues)
        {
            _phases = [.. Enumerable.Range(0, _up).Select(Phase)];
        }
    }

    /// <summary>Resamples one channel.</summary>
    /// <returns>ceil(length · to / from) samples.</returns>
    /// <exception cref="ArgumentException">The result would not fit an array.</exception>
    public float[] Resample(ReadOnlySpan<float> samples)
    {
        if (_up == _down)
        {
            return samples.ToArray();
        }

        long length = (((long)samples.Length * _up) + _down - 1) / _down;
        if (length > Array.MaxLength)
        {
            throw new ArgumentException($"{samples.Length} samples become {length} at the new rate, more than one array holds; work on shorter pieces.", nameof(samples));
        }

        double[] x = new double[samples.Length];
        TensorPrimitives.ConvertChecked(samples, x);
        float[] y = new float[length];
        for (int n = 0; n < y.Length; n++)
        {
            long at = (long)n * _down;
            (int offset, double[] taps) = _phases is null ? Phase((int)(at % _up)) : _phases[at % _up];
            long first = (at / _up) + offset;
            int skip = (int)Math.Clamp(-first, 0, taps.Length);
            int count = (int)Math.Clamp(x.Length - (first + skip), 0, taps.Length - skip);
            y[n] = (float)TensorPrimitives.Dot<double>(x.AsSpan((int)(first + skip), count), taps.AsSpan(skip, count));
        }

        return y;
    }

    /// <summary>The taps of outputs whose place is <paramref name="phase"/> behind an input sample, and where, from that sample, the first of them looks.</summary>
    private (int Offset, double[] Taps) Phase(int phase)
    {
        // All k with |phase - L k| ≤ H.
        int first = -((_half - phase) / _up);
        int last = (_half + phase) / _up;
        double[] taps = new double[last - first + 1];
        for (int k = first; k <= last; k++)
        {
            double z = phase - ((double)_up * k);
            double ratio = z / (_half + 0.5);
            taps[k - first] = _up * _cutoff * Sinc(_cutoff * z) * BesselI0(Beta * Math.Sqrt(1 - (ratio * ratio))) * WindowScale;
        }

        return (first, taps);
    }

    private static double Sinc(double u) => u == 0 ? 1 : Math.Sin(Math.PI * u) / (Math.PI * u);

    /// <summary>The modified Bessel function of order 0, by its power series: all terms are positive.</summary>
    private static double BesselI0(double x)
    {
        double quarter = x * x / 4;
        double term = 1;
        double sum = 1;
        for (int k = 1; term > sum * 1e-17; k++)
        {
            term *= quarter / ((double)k * k);
            sum += term;
        }

        return sum;
    }
}
