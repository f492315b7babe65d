namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The map from FFT bins to pitch classes: librosa.filters.chroma at tuning 0, as transformers' chroma_filter_bank builds it.</summary>
/// <remarks>
/// Bin f has the pitch p(f) = N·log2(16 f / 440); bin 0 is put 1.5 octaves below bin 1. Its weight for class c is
/// exp(-½ (2 d / w)²) with d the distance p - c wrapped into [-N/2, N/2) and w = max(p(f+1) - p(f), 1), each column scaled to L2 norm 1,
/// times exp(-½ ((p/N - 5)/2)²), a Gaussian of two octaves around octave 5; classes are then turned to start at C.
/// Ellis 2007, "Chroma feature analysis and synthesis".
/// </remarks>
internal static class ChromaFilterBank
{
    private const double A440 = 440;
    private const double CentreOctave = 5;
    private const double OctaveWidth = 2;

    /// <summary>Builds the weights, [chromaCount × (fftSize / 2 + 1)] row-major, rounded to float32 as the original keeps them.</summary>
    public static float[] Create(int chromaCount, int fftSize, int sampleRate)
    {
        int bins = (fftSize / 2) + 1;
        double[] pitch = new double[bins + 1];
        for (int bin = 1; bin < pitch.Length; bin++)
        {
            // The last bin of all fftSize ones has no neighbour above; that matters for fftSize 2 only.
            pitch[bin] = chromaCount * Math.Log2((double)bin * sampleRate / fftSize / (A440 / 16));
        }

        pitch[0] = pitch[1] - (1.5 * chromaCount);

        float[] filters = new float[chromaCount * bins];
        double[] column = new double[chromaCount];
        double half = Math.Round(chromaCount / 2.0, MidpointRounding.ToEven);
        int turn = 3 * (chromaCount / 12);
        for (int bin = 0; bin < bins; bin++)
        {
            double width = bin == fftSize - 1 ? 1 : Math.Max(pitch[bin + 1] - pitch[bin], 1);
            double squares = 0;
            for (int chroma = 0; chroma < chromaCount; chroma++)
            {
                double distance = Remainder(pitch[bin] - chroma + half + (10 * chromaCount), chromaCount) - half;
                column[chroma] = Math.Exp(-0.5 * Math.Pow(2 * distance / width, 2));
                squares += column[chroma] * column[chroma];
            }

            double weight = Math.Exp(-0.5 * Math.Pow(((pitch[bin] / chromaCount) - CentreOctave) / OctaveWidth, 2)) / Math.Sqrt(squares);
            for (int chroma = 0; chroma < chromaCount; chroma++)
            {
                int turned = (chroma - turn + chromaCount) % chromaCount;
                filters[(turned * bins) + bin] = (float)(column[chroma] * weight);
            }
        }

        return filters;
    }

    /// <summary>The remainder with the sign of the divisor, as numpy.remainder.</summary>
    private static double Remainder(double value, double divisor)
    {
        double remainder = Math.IEEERemainder(value, divisor);
        return remainder < 0 ? remainder + divisor : remainder;
    }
}
