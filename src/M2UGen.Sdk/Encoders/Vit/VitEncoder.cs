using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders.Vit;

/// <summary>A picture to ViT's feature with M2UGen's learnt aggregation.</summary>
/// <remarks>
/// <code>
/// picture ── resized ── normalised ── graph ── feature [H]
/// </code>
/// Thread-safe. Source: reference m2ugen.py, encode_image.
/// </remarks>
internal sealed class VitEncoder
{
    /// <summary>The component's name in a bundle.</summary>
    public const string Component = "vit";

    private readonly ModelSet _models;
    private readonly VitPreprocessor _preprocessor;

    private VitEncoder(ModelBundle bundle, ModelSet models)
    {
        _models = models;
        _preprocessor = VitPreprocessor.From(EncoderParts.Preprocessing(bundle, Component), bundle.Directory);
        Width = EncoderParts.WidthOf(bundle, Component);
        EncoderParts.CheckPixels(bundle, Component, [_preprocessor.Height, _preprocessor.Width]);
    }

    /// <summary>H: values of the feature.</summary>
    public int Width { get; }

    /// <summary>Reads what is small; null where the bundle has no ViT.</summary>
    /// <exception cref="M2UGenException">A number is missing or makes no sense.</exception>
    public static VitEncoder? Open(ModelBundle bundle, ModelSet models) => bundle.Manifest.Components.ContainsKey(Component) ? new VitEncoder(bundle, models) : null;

    /// <summary>The aggregated feature, not yet of length one.</summary>
    /// <param name="image">Any size.</param>
    /// <param name="cancellationToken">Looked at inside the run.</param>
    /// <returns>[<see cref="Width"/>].</returns>
    public float[] Encode(ImageFrame image, CancellationToken cancellationToken)
    {
        using NativeTensor pixels = NativeTensor.Allocate<float>(1, ImageFrame.Channels, _preprocessor.Height, _preprocessor.Width);
        _preprocessor.Prepare(image.Resize(_preprocessor.Width, _preprocessor.Height), pixels.AsSpan<float>());
        using IModelRun run = _models.Get(Component).CreateRun();
        return EncoderParts.Run(run, EncoderParts.Pixels, pixels, EncoderParts.Feature, cancellationToken);
    }
}
