using System.Numerics.Tensors;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>What CLAP's audio tower takes of one clip.</summary>
/// <param name="Values">[<paramref name="Channels"/>, <paramref name="Frames"/>, <paramref name="Bins"/>] log-mel in dB.</param>
/// <param name="Channels">1, or for fusion 4: the shrunk whole, then front, middle and back.</param>
/// <param name="Frames">Frames: 1001 as published.</param>
/// <param name="Bins">Frequency bins: 64 as published.</param>
/// <param name="IsLonger">Whether the clip is longer than what is heard at once.</param>
internal sealed record ClapFeatures(float[] Values, int Channels, int Frames, int Bins, bool IsLonger);

/// <summary>Sound to CLAP's log-mel spectrograms: ClapFeatureExtractor of transformers 4.35.2. Immutable and thread-safe.</summary>
/// <remarks>
/// Frames are centred, the clip reflected at both ends; periodic Hann window, power spectrum in float64, mel filters (Slaney's, or HTK's for models with fusion),
/// 10 log10 of at least 1e-10. Every random choice of the original is asked for, see <see cref="ClapDraw"/>.
/// </remarks>
internal sealed class ClapFeatureExtractor
{
    private const double Floor = 1e-10;
    private const int Chunks = 3;

    private readonly double[] _window;
    private readonly MelFilterBank _filters;

    /// <summary>Prepares window and filters.</summary>
    public ClapFeatureExtractor(ClapFeatureConfig config)
    {
        Config = config;
        _window = new double[config.WindowSize];
        for (int i = 0; i < _window.Length; i++)
        {
            _window[i] = 0.5 - (0.5 * Math.Cos(Math.Tau * i / _window.Length));
        }

        _filters = new MelFilterBank(config.SampleRate, (config.WindowSize / 2) + 1, config.MelBins, config.LowestFrequency, config.HighestFrequency, slaney: !config.Fuses);
    }

    /// <summary>Its numbers.</summary>
    public ClapFeatureConfig Config { get; }

    /// <summary>Makes a clip's spectrograms.</summary>
    /// <param name="samples">Mono at <see cref="ClapFeatureConfig.SampleRate"/>, at least one sample.</param>
    /// <param name="draw">Chooses the part of a clip longer than <see cref="ClapFeatureConfig.MaxSamples"/>: the first sample of the piece that is heard, or for
    /// fusion the first frames of front, middle and back.</param>
    /// <exception cref="ArgumentException">There are no samples, or one is not finite.</exception>
    public ClapFeatures Extract(ReadOnlySpan<float> samples, ClapDraw draw)
    {
        if (samples.IsEmpty || !float.IsFinite(TensorPrimitives.SumOfMagnitudes(samples)))
        {
            throw new ArgumentException("The clip has no samples, or one that is not a finite number.", nameof(samples));
        }

        if (samples.Length <= Config.MaxSamples)
        {
            return Copies(LogMel(Fill(samples)), isLonger: false);
        }

        if (Config.Fuses)
        {
            float[] mel = LogMel(samples);
            int frames = mel.Length / Config.MelBins;

            // Longer by less than a hop: the frames are those of a clip that just fits.
            return frames == Config.Frames ? Copies(mel, isLonger: false) : Fuse(mel, frames, draw);
        }

        int start = draw(0, samples.Length - Config.MaxSamples + 1);
        return Copies(LogMel(samples.Slice(start, Config.MaxSamples)), isLonger: true);
    }

    /// <summary>Clips that go through a model with fusion together: where none is longer the original flags one at random, and so does this.</summary>
    public static bool[] FlagLonger(IReadOnlyList<ClapFeatures> clips, ClapDraw draw)
    {
        bool[] flags = [.. clips.Select(clip => clip.IsLonger)];
        if (clips.Count > 0 && clips[0].Channels > 1 && !flags.Contains(true))
        {
            flags[draw(0, flags.Length)] = true;
        }

        return flags;
    }

    /// <summary>A clip of full length.</summary>
    private float[] Fill(ReadOnlySpan<float> samples)
    {
        float[] filled = new float[Config.MaxSamples];
        int copies = Config.Padding switch
        {
            ClapPadding.RepeatWhole => filled.Length / samples.Length,
            ClapPadding.Repeat => (filled.Length / samples.Length) + 1,
            _ => 1,
        };
        for (int i = 0; i < copies && i * samples.Length < filled.Length; i++)
        {
            int start = i * samples.Length;
            samples[..Math.Min(samples.Length, filled.Length - start)].CopyTo(filled.AsSpan(start));
        }

        return filled;
    }

    private ClapFeatures Copies(float[] mel, bool isLonger)
    {
        float[] values = new float[Config.Channels * mel.Length];
        for (int channel = 0; channel < Config.Channels; channel++)
        {
            mel.CopyTo(values, channel * mel.Length);
        }

        return new ClapFeatures(values, Config.Channels, Config.Frames, Config.MelBins, isLonger);
    }

    /// <summary>The whole at the length of a chunk, and a chunk of each third of the places where one can begin.</summary>
    private ClapFeatures Fuse(float[] mel, int frames, ClapDraw draw)
    {
        int size = Config.Frames * Config.MelBins;
        float[] values = new float[(Chunks + 1) * size];
        Shrink(mel, frames, values);
        int places = frames - Config.Frames + 1;
        int first = 0;
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            // Thirds as numpy's array_split makes them: the first ones get what is left over. An empty one means the first place.
            int count = (places / Chunks) + (chunk < places % Chunks ? 1 : 0);
            int start = count == 0 ? draw(0, 1) : draw(first, count);
            mel.AsSpan(start * Config.MelBins, size).CopyTo(values.AsSpan((chunk + 1) * size));
            first += count;
        }

        return new ClapFeatures(values, Chunks + 1, Config.Frames, Config.MelBins, IsLonger: true);
    }

    /// <summary>torch's bilinear interpolation along time (align_corners false) in float32; torch's compilers make one operation of the product and the difference.</summary>
    private void Shrink(float[] mel, int frames, Span<float> target)
    {
        float scale = (float)frames / Config.Frames;
        for (int i = 0; i < Config.Frames; i++)
        {
            float at = Math.Max(MathF.FusedMultiplyAdd(scale, i + 0.5f, -0.5f), 0);
            int low = Math.Min((int)at, frames - 1);
            int high = Math.Min(low + 1, frames - 1);
            float share = Math.Clamp(at - low, 0, 1);
            for (int bin = 0; bin < Config.MelBins; bin++)
            {
                target[(i * Config.MelBins) + bin] = ((1 - share) * mel[(low * Config.MelBins) + bin]) + (share * mel[(high * Config.MelBins) + bin]);
            }
        }
    }

    /// <summary>[1 + length / hop, bins] in dB.</summary>
    private float[] LogMel(ReadOnlySpan<float> samples)
    {
        int frames = 1 + (samples.Length / Config.HopLength);
        float[] result = new float[frames * Config.MelBins];
        RealFft fft = new(Config.WindowSize);
        double[] frame = new double[Config.WindowSize];
        double[] power = new double[fft.BinCount];
        double[] mel = new double[Config.MelBins];
        for (int t = 0; t < frames; t++)
        {
            FillFrame(samples, ((long)t * Config.HopLength) - (Config.WindowSize / 2), frame);
            fft.PowerSpectrum(frame, power);
            _filters.Apply(power, mel);
            for (int bin = 0; bin < mel.Length; bin++)
            {
                result[(t * mel.Length) + bin] = (float)(10 * Math.Log10(Math.Max(mel[bin], Floor)));
            }
        }

        return result;
    }

    /// <summary>A windowed frame; outside of the clip its reflection, without repeating the samples at its ends.</summary>
    private void FillFrame(ReadOnlySpan<float> samples, long start, double[] frame)
    {
        if (start >= 0 && start + frame.Length <= samples.Length)
        {
            TensorPrimitives.ConvertChecked<float, double>(samples.Slice((int)start, frame.Length), frame);
        }
        else
        {
            for (int i = 0; i < frame.Length; i++)
            {
                long at = Math.Abs(start + i);
                frame[i] = samples[(int)(at < samples.Length ? at : (2L * (samples.Length - 1)) - at)];
            }
        }

        TensorPrimitives.Multiply<double>(frame, _window, frame);
    }
}
