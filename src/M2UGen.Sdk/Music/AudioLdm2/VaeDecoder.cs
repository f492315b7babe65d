using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>vae-decoder</c>.</summary>
/// <param name="LatentChannels">Channels of the latents.</param>
/// <param name="OutputChannels">Channels of a spectrogram: 1.</param>
/// <param name="ScaleFactor">Frames and bins that one row or column of the latents becomes.</param>
internal sealed record VaeConfig(int LatentChannels, int OutputChannels, int ScaleFactor)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static VaeConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, VaeDecoder.Component);
        return new VaeConfig(numbers.Required("latent_channels"), numbers.Required("out_channels"), numbers.Required("scale_factor"));
    }
}

/// <summary>The UNet's latents to a log-mel spectrogram: the decoder of an AutoencoderKL (arXiv:2112.10752). Thread-safe.</summary>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class VaeDecoder(ModelSet models, VaeConfig config)
{
    /// <summary>The component's name.</summary>
    public const string Component = "vae-decoder";

    /// <summary>The component's numbers.</summary>
    public VaeConfig Config { get; } = config;

    /// <summary>Runs the graph, which divides by the scaling factor itself.</summary>
    /// <param name="latents">[batch, channels, height, width] as the scheduler's last step leaves them.</param>
    /// <param name="batch">Pieces.</param>
    /// <param name="height">Rows: time.</param>
    /// <param name="width">Columns: frequency.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[batch, 1, height × scale, width × scale] log-mel.</returns>
    public float[] Decode(ReadOnlySpan<float> latents, int batch, int height, int width, CancellationToken cancellationToken)
    {
        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor input = NativeTensor.Of(latents, batch, Config.LatentChannels, height, width);
        using NativeTensor mel = NativeTensor.Allocate<float>(batch, Config.OutputChannels, (long)height * Config.ScaleFactor, (long)width * Config.ScaleFactor);
        run.BindInput("latents", input);
        run.BindOutput("mel", mel);
        run.Run(cancellationToken);
        return mel.AsSpan<float>().ToArray();
    }
}
