using System.Globalization;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>How long a piece becomes.</summary>
/// <param name="LatentHeight">Rows of the latents: time.</param>
/// <param name="LatentWidth">Columns of the latents: frequency.</param>
/// <param name="SampleCount">Samples of the result.</param>
internal sealed record AudioLdm2Plan(int LatentHeight, int LatentWidth, int SampleCount)
{
    /// <summary>The longest piece: self attention looks from every moment to every other, so work and memory grow with the square of the length. The model was trained with 10 s.</summary>
    public static TimeSpan MaxDuration { get; } = TimeSpan.FromMinutes(2);

    /// <summary>Spectrogram frames of a length in the reference, before they are rounded up: int(seconds / seconds of a frame), which loses a frame to float64 at 0.29 s and others.</summary>
    public static int ReferenceFrames(double seconds, VocoderConfig vocoder) => (int)(seconds / ((double)vocoder.SamplesPerFrame / vocoder.SampleRate));

    /// <summary>Samples that the reference keeps: int(seconds · rate).</summary>
    public static int ReferenceSamples(double seconds, VocoderConfig vocoder) => (int)(seconds * vocoder.SampleRate);

    /// <summary>Frames rounded up to whole rows of the latents.</summary>
    public static int RoundUp(int frames, int scale) => checked((frames + scale - 1) / scale * scale);

    /// <summary>Plans a piece.</summary>
    /// <param name="vocoder">Samples of a frame.</param>
    /// <param name="vae">Frames of a row of the latents.</param>
    /// <param name="duration">The length asked for.</param>
    /// <param name="fidelity">Whether the piece is exactly as long as asked, or as the reference makes it.</param>
    /// <exception cref="ArgumentException">The length is beyond <see cref="MaxDuration"/>, or less than the reference's shortest where that counts.</exception>
    public static AudioLdm2Plan Create(VocoderConfig vocoder, VaeConfig vae, TimeSpan duration, Fidelity fidelity)
    {
        if (duration > MaxDuration)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"MusicOptions.Duration is {duration.TotalSeconds:0.###} s; this decoder makes at most {MaxDuration.TotalSeconds:0} s at once. Ask for less."), nameof(duration));
        }

        int width = vocoder.MelBins / vae.ScaleFactor;
        if (fidelity.TrimToDuration)
        {
            int samples = (int)Math.Max(1, Math.Round((decimal)duration.Ticks * vocoder.SampleRate / TimeSpan.TicksPerSecond, MidpointRounding.AwayFromZero));
            int needed = RoundUp((samples + vocoder.SamplesPerFrame - 1) / vocoder.SamplesPerFrame, vae.ScaleFactor);
            return new AudioLdm2Plan(needed / vae.ScaleFactor, width, samples);
        }

        double seconds = duration.TotalSeconds;
        int frames = RoundUp(ReferenceFrames(seconds, vocoder), vae.ScaleFactor);
        return frames > 0
            ? new AudioLdm2Plan(frames / vae.ScaleFactor, width, Math.Min(ReferenceSamples(seconds, vocoder), vocoder.SampleCount(frames)))
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"MusicOptions.Duration of {seconds:0.######} s is less than one frame of the spectrogram. Ask for a longer duration."), nameof(duration));
    }
}
