using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>vocoder</c>.</summary>
/// <param name="MelBins">Frequency bins of the spectrogram.</param>
/// <param name="SampleRate">In Hz.</param>
/// <param name="SamplesPerFrame">Samples of one more frame.</param>
/// <param name="ExtraSamples">Samples beside those of the frames.</param>
internal sealed record VocoderConfig(int MelBins, int SampleRate, int SamplesPerFrame, int ExtraSamples)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static VocoderConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, HifiGanVocoder.Component);
        return new VocoderConfig(
            numbers.Required("mel_bins"),
            numbers.Required("sampling_rate"),
            numbers.Required("samples_per_frame"),
            numbers.Required("extra_samples", least: 0));
    }

    /// <summary>Samples that so many frames give.</summary>
    public int SampleCount(int frames) => checked((frames * SamplesPerFrame) + ExtraSamples);
}

/// <summary>A log-mel spectrogram to its waveform: SpeechT5's HiFi-GAN (arXiv:2010.05646). Thread-safe.</summary>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class HifiGanVocoder(ModelSet models, VocoderConfig config)
{
    /// <summary>The component's name.</summary>
    public const string Component = "vocoder";

    /// <summary>The component's numbers.</summary>
    public VocoderConfig Config { get; } = config;

    /// <summary>Runs the graph.</summary>
    /// <param name="mel">[batch, frames, bins] log-mel.</param>
    /// <param name="batch">Spectrograms.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[batch, samples], nominally in [-1, 1]; samples = <see cref="VocoderConfig.SampleCount"/> of the frames.</returns>
    public float[] Decode(ReadOnlySpan<float> mel, int batch, CancellationToken cancellationToken)
    {
        int frames = mel.Length / batch / Config.MelBins;
        if (frames == 0 || frames * batch * Config.MelBins != mel.Length)
        {
            throw new ArgumentException($"{mel.Length} values are no {batch} spectrograms of {Config.MelBins} bins.", nameof(mel));
        }

        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor input = NativeTensor.Of(mel, batch, frames, Config.MelBins);
        using NativeTensor waveform = NativeTensor.Allocate<float>(batch, Config.SampleCount(frames));
        run.BindInput("mel", input);
        run.BindOutput("waveform", waveform);
        run.Run(cancellationToken);
        return waveform.AsSpan<float>().ToArray();
    }
}
