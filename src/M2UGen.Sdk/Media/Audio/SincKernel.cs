namespace M2UGen.Sdk.Media.Audio;

/// <summary>The polyphase filter of torchaudio's windowed-sinc resampling.</summary>
/// <remarks>
/// torchaudio.functional.resample, `_get_sinc_resample_kernel`. With rates reduced to o (old) and n (new), base = min(o, n) × rolloff, phase j and tap i:
/// t = clamp((-j/n + i/o) × base, ±width); k[j, i] = sin(πt)/(πt) × window(t) × base/o.
/// Every step is rounded to float32, in torch's order, because the original computes its kernel in the waveform's type; a float64 kernel differs by 2e-5.
/// The original also stores the taps at which t is clamped, all below 1e-12; here a row holds only the others, so that any pair of rates fits in memory.
/// </remarks>
internal sealed class SincKernel
{
    private const int MaxTaps = 1 << 28;
    private readonly int _old;
    private readonly int _new;
    private readonly int _width;
    private readonly double _baseRate;
    private readonly double _reach;
    private readonly ResampleOptions _options;

    /// <summary>Prepares the filter for rates without a common divisor.</summary>
    public SincKernel(int oldRate, int newRate, ResampleOptions options)
    {
        _old = oldRate;
        _new = newRate;
        _options = options;
        _baseRate = Math.Min(oldRate, newRate) * options.Rolloff;
        _reach = (double)options.LowpassFilterWidth * oldRate / _baseRate;
        _width = (int)Math.Min(Math.Ceiling(_reach), int.MaxValue / 4);

        // Both ends inclusive, one more because a row starts at a whole tap; whole vectors of eight.
        double taps = (2 * Math.Ceiling(_reach)) + 2;
        Taps = taps <= MaxTaps
            ? ((int)taps + 7) & ~7
            : throw new ArgumentException($"Resampling {oldRate}:{newRate} with a filter width of {options.LowpassFilterWidth} and a rolloff of {options.Rolloff} needs {taps} taps; use a smaller width or go in two steps.", nameof(options));
    }

    /// <summary>Values in a row; the last ones may be zero.</summary>
    public int Taps { get; }

    /// <summary>The input sample, relative to the block's first, of a row's first tap.</summary>
    public int Start(int phase) => (int)Math.Floor(((double)_old * phase / _new) - _reach);

    /// <summary>Computes the row of one phase, [taps].</summary>
    public void Fill(int phase, Span<float> row)
    {
        int start = Start(phase);
        float width = _options.LowpassFilterWidth;
        float phaseShift = -phase / (float)_new;
        float scale = (float)(_baseRate / _old);
        for (int tap = 0; tap < row.Length; tap++)
        {
            int i = start + tap;
            float t = ((i / (float)_old) + phaseShift) * (float)_baseRate;
            row[tap] = MathF.Abs(t) >= width || i < -_width || i >= _width + _old ? 0f : Sinc(t) * (Window(t, width) * scale);
        }
    }

    private static float Sinc(float t)
    {
        float angle = t * MathF.PI;
        return angle == 0 ? 1f : MathF.Sin(angle) / angle;
    }

    private float Window(float t, float width)
    {
        if (_options.Window == ResampleWindow.Kaiser)
        {
            float beta = (float)_options.KaiserBeta;
            float u = t / width;
            return BesselI0(beta * MathF.Sqrt(1f - (u * u))) / BesselI0(beta);
        }

        float cosine = MathF.Cos(t * MathF.PI / width / 2f);
        return cosine * cosine;
    }

    /// <summary>Modified Bessel function of order 0: sum of ((x/2)^k / k!)².</summary>
    private static float BesselI0(float x)
    {
        double quarter = 0.25 * x * x;
        double term = 1;
        double sum = 1;
        for (int k = 1; term > sum * 1e-17; k++)
        {
            term *= quarter / ((double)k * k);
            sum += term;
        }

        return (float)sum;
    }
}
