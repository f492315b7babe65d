using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>clap-audio</c>.</summary>
/// <param name="Channels">Spectrograms of an input: 1, or 4 for models with fusion.</param>
/// <param name="MelBins">Frequency bins.</param>
/// <param name="MaxFrames">Frames of an input at most.</param>
/// <param name="Width">Width of an embedding.</param>
/// <param name="TextScale">Factor of a text's scores over clips.</param>
/// <param name="AudioScale">Factor of a clip's scores over texts.</param>
internal sealed record ClapAudioConfig(int Channels, int MelBins, int MaxFrames, int Width, double TextScale, double AudioScale)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static ClapAudioConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, ClapAudioEncoder.Component);
        return new ClapAudioConfig(
            numbers.Required("channels", most: 4),
            numbers.Required("mel_bins", most: 1 << 12),
            numbers.Required("max_frames", most: 1 << 20),
            numbers.Required("width", most: 1 << 20),
            numbers.Real("text_logit_scale", 0, double.MaxValue),
            numbers.Real("audio_logit_scale", 0, double.MaxValue));
    }
}

/// <summary>Spectrograms to embeddings of length one: CLAP's audio tower (arXiv:2211.06687). Thread-safe.</summary>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class ClapAudioEncoder(ModelSet models, ClapAudioConfig config)
{
    /// <summary>The component's name.</summary>
    public const string Component = "clap-audio";

    /// <summary>The component's numbers.</summary>
    public ClapAudioConfig Config { get; } = config;

    /// <summary>Encodes one clip.</summary>
    /// <param name="features">What <see cref="ClapFeatureExtractor"/> makes of it.</param>
    /// <param name="isLonger">For models with fusion: whether the three chunks count.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[width], of length one.</returns>
    public float[] Encode(ClapFeatures features, bool isLonger, CancellationToken cancellationToken)
    {
        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor input = NativeTensor.Of<float>(features.Values, 1, features.Channels, features.Frames, features.Bins);
        using NativeTensor flag = NativeTensor.Of<bool>([isLonger], 1, 1);
        using NativeTensor embedding = NativeTensor.Allocate<float>(1, Config.Width);
        run.BindInput("input_features", input);
        if (Config.Channels > 1)
        {
            run.BindInput("is_longer", flag);
        }

        run.BindOutput("audio_embeds", embedding);
        run.Run(cancellationToken);
        return embedding.AsSpan<float>().ToArray();
    }
}
