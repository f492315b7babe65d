using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>What MusicGen-Melody hears of a melody: one pitch class a frame.</summary>
/// <remarks>
/// transformers MusicgenMelodyFeatureExtractor: mono at the model's rate, cut to chunk_length, zeros on both sides up to n_fft (the odd one on the right),
/// power spectrogram (centred, reflected at the ends, periodic Hann, divided by the window's energy), chroma filters, each frame divided by its largest, one-hot.
/// Sums run in float64 where the original uses float32. Thread-safe.
/// </remarks>
internal sealed class ChromaExtractor
{
    /// <summary>The original resamples melodies with a sharper filter than torchaudio's default.</summary>
    private static readonly ResampleOptions MelodyFilter = new() { Rolloff = 0.945, LowpassFilterWidth = 24 };

    private const float NormalisationFloor = 1e-6f;

    private readonly float[] _filters;
    private readonly double[] _window;

    /// <summary>Builds window and filters.</summary>
    public ChromaExtractor(ChromaConfig config)
    {
        Config = config;
        _filters = ChromaFilterBank.Create(config.ChromaCount, config.FftSize, config.SampleRate);
        _window = new double[config.FftSize];
        for (int i = 0; i < _window.Length; i++)
        {
            // Periodic Hann, kept in float32 by the original.
            _window[i] = (float)(0.5 - (0.5 * Math.Cos(2 * Math.PI * i / _window.Length)));
            WindowSumSquares += _window[i] * _window[i];
        }
    }

    /// <summary>The checkpoint's numbers.</summary>
    public ChromaConfig Config { get; }

    /// <summary>[ChromaCount × (FftSize / 2 + 1)].</summary>
    public ReadOnlySpan<float> Filters => _filters;

    /// <summary>The window's energy, by which the power spectrum is divided.</summary>
    public double WindowSumSquares { get; }

    /// <summary>Extracts the chroma of a clip of any rate and channels.</summary>
    /// <exception cref="ArgumentException">The clip is empty or holds a sample that is not a number.</exception>
    public ChromaFeatures Extract(AudioClip melody)
    {
        ThrowIfUnusable(melody.Samples.Span);
        return Extract(melody.ToMono().Resample(Config.SampleRate, MelodyFilter).Samples.Span);
    }

    /// <summary>Extracts several melodies as one batch: shorter ones get zeros on the right, so their last frames can differ from those of <see cref="Extract(AudioClip)"/>.</summary>
    /// <param name="waves">Mono, at the model's rate.</param>
    public ChromaFeatures[] ExtractBatch(IReadOnlyList<float[]> waves)
    {
        int longest = Math.Min(waves.Max(w => w.Length), Config.MaxSampleCount);
        return [.. waves.Select(wave =>
        {
            float[] padded = new float[longest];
            wave.AsSpan(0, Math.Min(wave.Length, longest)).CopyTo(padded);
            return Extract(padded);
        })];
    }

    /// <summary>The melody of a source separation such as Demucs': the sum of the configured stems, mean of the channels, at the model's rate.</summary>
    /// <param name="stems">[stems × channels × samples].</param>
    /// <param name="stemCount">Stems.</param>
    /// <param name="channels">Channels of each.</param>
    /// <param name="sampleRate">Their rate in Hz.</param>
    /// <exception cref="ArgumentException">The shape does not fit, or a configured stem is not there.</exception>
    public AudioClip MixStems(ReadOnlySpan<float> stems, int stemCount, int channels, int sampleRate)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stemCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (stems.Length % (stemCount * channels) != 0 || Config.StemIndices.Any(i => i >= stemCount))
        {
            throw new ArgumentException($"{stems.Length} values of {stemCount} stems and {channels} channels; expected whole planes that include the stems {string.Join(", ", Config.StemIndices)}.", nameof(stems));
        }

        int length = stems.Length / (stemCount * channels);
        float[] mono = new float[length];
        for (int i = 0; i < length; i++)
        {
            float total = 0;
            for (int channel = 0; channel < channels; channel++)
            {
                float sum = 0;
                foreach (int stem in Config.StemIndices)
                {
                    sum += stems[(((stem * channels) + channel) * length) + i];
                }

                total += sum;
            }

            mono[i] = total / channels;
        }

        return AudioClip.Own(mono, sampleRate).Resample(Config.SampleRate, MelodyFilter);
    }

    /// <summary>Extracts mono samples at the model's rate.</summary>
    public ChromaFeatures Extract(ReadOnlySpan<float> wave)
    {
        ThrowIfUnusable(wave);
        float[] samples = Pad(wave[..Math.Min(wave.Length, Config.MaxSampleCount)]);
        int frameCount = 1 + ((samples.Length - (Config.FftSize & 1)) / Config.HopLength);
        int[] classes = new int[frameCount];
        float[] normalised = new float[frameCount * Config.ChromaCount];
        RealFft fft = new(Config.FftSize);
        double[] frame = new double[Config.FftSize];
        double[] power = new double[fft.BinCount];
        for (int t = 0; t < frameCount; t++)
        {
            FillFrame(samples, t, frame);
            fft.PowerSpectrum(frame, power);
            classes[t] = Normalise(power, normalised.AsSpan(t * Config.ChromaCount, Config.ChromaCount));
        }

        return new ChromaFeatures(Config.ChromaCount, classes, normalised);
    }

    /// <summary>Zeros on both sides of a wave shorter than a frame, one more on the right where they are odd.</summary>
    private float[] Pad(ReadOnlySpan<float> wave)
    {
        int missing = Math.Max(0, Config.FftSize - wave.Length);
        float[] padded = new float[wave.Length + missing];
        wave.CopyTo(padded.AsSpan(missing / 2));
        return padded;
    }

    /// <summary>The windowed frame centred on sample t × hop, the wave reflected at both ends without repeating its last sample.</summary>
    private void FillFrame(float[] samples, int t, double[] frame)
    {
        long start = ((long)t * Config.HopLength) - (frame.Length / 2);
        for (int i = 0; i < frame.Length; i++)
        {
            long at = Math.Abs(start + i);
            if (at >= samples.Length)
            {
                at = (2L * (samples.Length - 1)) - at;
            }

            frame[i] = samples[at] * _window[i];
        }
    }

    /// <summary>Writes the frame's chroma divided by its largest value; returns the first class that has it.</summary>
    private int Normalise(ReadOnlySpan<double> power, Span<float> chroma)
    {
        for (int c = 0; c < chroma.Length; c++)
        {
            double sum = 0;
            ReadOnlySpan<float> filter = _filters.AsSpan(c * power.Length, power.Length);
            for (int bin = 0; bin < power.Length; bin++)
            {
                sum += filter[bin] * power[bin];
            }

            chroma[c] = (float)(sum / WindowSumSquares);
        }

        int strongest = 0;
        for (int c = 1; c < chroma.Length; c++)
        {
            if (chroma[c] > chroma[strongest])
            {
                strongest = c;
            }
        }

        float divisor = Math.Max(chroma[strongest], NormalisationFloor);
        for (int c = 0; c < chroma.Length; c++)
        {
            chroma[c] /= divisor;
        }

        return strongest;
    }

    /// <exception cref="ArgumentException">There are no samples, or one is not a finite number.</exception>
    public static void ThrowIfUnusable(ReadOnlySpan<float> samples)
    {
        if (samples.IsEmpty)
        {
            throw new ArgumentException("The melody has no samples; give a clip with sound in it.", nameof(samples));
        }

        foreach (float sample in samples)
        {
            if (!float.IsFinite(sample))
            {
                throw new ArgumentException("The melody holds a sample that is not a finite number; repair the file it came from.", nameof(samples));
            }
        }
    }
}
