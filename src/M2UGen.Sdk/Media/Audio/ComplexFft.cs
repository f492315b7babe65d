using System.Numerics;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Radix-2 complex Fourier transform in place, float64, for powers of two. Thread-safe: only the caller's arrays change.</summary>
internal sealed class ComplexFft
{
    private readonly double[] _cos;
    private readonly double[] _sin;

    /// <summary>Prepares tables for <paramref name="length"/> values, a power of two.</summary>
    public ComplexFft(int length)
    {
        if (!BitOperations.IsPow2(length))
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "A power of two is needed.");
        }

        Length = length;
        _cos = new double[length / 2];
        _sin = new double[length / 2];
        for (int k = 0; k < _cos.Length; k++)
        {
            (_sin[k], _cos[k]) = Math.SinCos(-2 * Math.PI * k / length);
        }
    }

    /// <summary>Values in a transform.</summary>
    public int Length { get; }

    /// <summary>X[k] = Σ x[t] · exp(-2πi·k·t/n), unscaled, in place.</summary>
    public void Forward(Span<double> re, Span<double> im)
    {
        Reorder(re[..Length], im[..Length]);
        for (int half = 1; half < Length; half *= 2)
        {
            int step = Length / (2 * half);
            for (int start = 0; start < Length; start += 2 * half)
            {
                for (int k = 0; k < half; k++)
                {
                    int a = start + k;
                    int b = a + half;
                    double cos = _cos[k * step];
                    double sin = _sin[k * step];
                    double turnedRe = (re[b] * cos) - (im[b] * sin);
                    double turnedIm = (re[b] * sin) + (im[b] * cos);
                    re[b] = re[a] - turnedRe;
                    im[b] = im[a] - turnedIm;
                    re[a] += turnedRe;
                    im[a] += turnedIm;
                }
            }
        }
    }

    /// <summary>Swaps every index with the one of its reversed bits.</summary>
    private static void Reorder(Span<double> re, Span<double> im)
    {
        for (int i = 1, reversed = 0; i < re.Length; i++)
        {
            int bit = re.Length >> 1;
            for (; (reversed & bit) != 0; bit >>= 1)
            {
                reversed ^= bit;
            }

            reversed |= bit;
            if (i < reversed)
            {
                (re[i], re[reversed]) = (re[reversed], re[i]);
                (im[i], im[reversed]) = (im[reversed], im[i]);
            }
        }
    }
}
