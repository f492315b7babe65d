using System.Numerics;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>The discrete Fourier transform of real frames: X[k] = Σ x[t] · exp(-2πi·k·t/n), k = 0..n/2, in float64.</summary>
/// <remarks>Powers of two run as a complex transform of half the length, other lengths by Bluestein's chirp. Holds its own workspace: one instance for one thread.</remarks>
internal sealed class RealFft
{
    private readonly ComplexFft _fft;
    private readonly double[] _re;
    private readonly double[] _im;
    private readonly double[] _cos;
    private readonly double[] _sin;
    private readonly double[]? _chirpRe;
    private readonly double[]? _chirpIm;

    /// <summary>Prepares tables for frames of <paramref name="length"/> samples, at least 2.</summary>
    public RealFft(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        Length = length;
        bool isPower = BitOperations.IsPow2(length);
        _fft = new ComplexFft(isPower ? length / 2 : checked((int)BitOperations.RoundUpToPowerOf2((uint)((2 * length) - 1))));
        _re = new double[_fft.Length];
        _im = new double[_fft.Length];
        _cos = new double[isPower ? (length / 2) + 1 : length];
        _sin = new double[_cos.Length];
        for (int k = 0; k < _cos.Length; k++)
        {
            // Bluestein's angles grow with k²; reduced by whole turns first, else precision is lost.
            double turns = isPower ? (double)k / length : (double)((long)k * k % (2L * length)) / (2L * length);
            (_sin[k], _cos[k]) = Math.SinCos(2 * Math.PI * turns);
        }

        if (!isPower)
        {
            (_chirpRe, _chirpIm) = PrepareChirp();
        }
    }

    /// <summary>Samples in a frame.</summary>
    public int Length { get; }

    /// <summary>Bins that are computed: length / 2 + 1.</summary>
    public int BinCount => (Length / 2) + 1;

    /// <summary>Writes |X[k]|², [<see cref="BinCount"/>], of <paramref name="frame"/>, [<see cref="Length"/>].</summary>
    public void PowerSpectrum(ReadOnlySpan<double> frame, Span<double> power)
    {
        if (_chirpRe is null)
        {
            TransformHalf(frame, power);
        }
        else
        {
            TransformChirp(frame, power);
        }
    }

    /// <summary>Even samples as real, odd ones as imaginary part; the two spectra are then told apart by symmetry.</summary>
    private void TransformHalf(ReadOnlySpan<double> frame, Span<double> power)
    {
        int half = Length / 2;
        for (int i = 0; i < half; i++)
        {
            _re[i] = frame[2 * i];
            _im[i] = frame[(2 * i) + 1];
        }

        _fft.Forward(_re, _im);
        for (int k = 0; k <= half; k++)
        {
            int a = k == half ? 0 : k;
            int b = k == 0 ? 0 : half - k;
            double evenRe = 0.5 * (_re[a] + _re[b]);
            double evenIm = 0.5 * (_im[a] - _im[b]);
            double oddRe = 0.5 * (_im[a] + _im[b]);
            double oddIm = -0.5 * (_re[a] - _re[b]);
            double re = evenRe + (oddRe * _cos[k]) + (oddIm * _sin[k]);
            double im = evenIm + (oddIm * _cos[k]) - (oddRe * _sin[k]);
            power[k] = (re * re) + (im * im);
        }
    }

    /// <summary>k·t = (k² + t² - (k-t)²)/2 turns the transform into a convolution with a chirp; the last factor has magnitude 1 and drops out.</summary>
    private void TransformChirp(ReadOnlySpan<double> frame, Span<double> power)
    {
        Array.Clear(_re);
        Array.Clear(_im);
        for (int t = 0; t < Length; t++)
        {
            _re[t] = frame[t] * _cos[t];
            _im[t] = -frame[t] * _sin[t];
        }

        _fft.Forward(_re, _im);
        for (int i = 0; i < _re.Length; i++)
        {
            double re = (_re[i] * _chirpRe![i]) - (_im[i] * _chirpIm![i]);
            double im = (_re[i] * _chirpIm[i]) + (_im[i] * _chirpRe[i]);

            // The inverse transform is the forward one of the conjugate; only magnitudes are wanted.
            _re[i] = re;
            _im[i] = -im;
        }

        _fft.Forward(_re, _im);
        double scale = 1.0 / _re.Length;
        for (int k = 0; k < BinCount; k++)
        {
            double re = _re[k] * scale;
            double im = _im[k] * scale;
            power[k] = (re * re) + (im * im);
        }
    }

    private (double[] Re, double[] Im) PrepareChirp()
    {
        double[] re = new double[_fft.Length];
        double[] im = new double[_fft.Length];
        for (int t = 0; t < Length; t++)
        {
            int mirror = t == 0 ? 0 : _fft.Length - t;
            re[t] = re[mirror] = _cos[t];
            im[t] = im[mirror] = _sin[t];
        }

        _fft.Forward(re, im);
        return (re, im);
    }
}
