using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders.Vivit;

/// <summary>A film's frames to ViViT's feature with M2UGen's learnt aggregation.</summary>
/// <remarks>
/// <code>
/// frames ── resized ── centre crop ── normalised ── graph ── feature [H]
/// </code>
/// Which frames of a film these are is the caller's choice (<see cref="Media.Video.FrameSampler"/>). Thread-safe. Source: reference m2ugen.py, encode_video.
/// </remarks>
internal sealed class VivitEncoder
{
    /// <summary>The component's name in a bundle.</summary>
    public const string Component = "vivit";

    private readonly ModelSet _models;
    private readonly VivitPreprocessor _preprocessor;

    private VivitEncoder(ModelBundle bundle, ModelSet models)
    {
        _models = models;
        _preprocessor = VivitPreprocessor.From(EncoderParts.Preprocessing(bundle, Component), bundle.Directory);
        Width = EncoderParts.WidthOf(bundle, Component);
        FrameCount = EncoderParts.SizeOf(bundle, Component, bundle.Component(Component).Inputs, EncoderParts.Pixels, 5, 1);
        EncoderParts.CheckPixels(bundle, Component, [_preprocessor.CropHeight, _preprocessor.CropWidth]);
    }

    /// <summary>H: values of the feature.</summary>
    public int Width { get; }

    /// <summary>Frames that are seen at once.</summary>
    public int FrameCount { get; }

    /// <summary>Reads what is small; null where the bundle has no ViViT.</summary>
    /// <exception cref="M2UGenException">A number is missing or makes no sense.</exception>
    public static VivitEncoder? Open(ModelBundle bundle, ModelSet models) => bundle.Manifest.Components.ContainsKey(Component) ? new VivitEncoder(bundle, models) : null;

    /// <summary>The aggregated feature, not yet of length one.</summary>
    /// <param name="frames"><see cref="FrameCount"/> frames in the film's order; they need not be of one size.</param>
    /// <param name="cancellationToken">Looked at between frames and inside the run.</param>
    /// <returns>[<see cref="Width"/>].</returns>
    /// <exception cref="ArgumentException">There are fewer frames, or more.</exception>
    public float[] Encode(IReadOnlyList<ImageFrame> frames, CancellationToken cancellationToken)
    {
        if (frames.Count != FrameCount)
        {
            throw new ArgumentException($"The encoder sees {FrameCount} frames at once; found {frames.Count}.", nameof(frames));
        }

        (int height, int width) = (_preprocessor.CropHeight, _preprocessor.CropWidth);
        using NativeTensor pixels = NativeTensor.Allocate<float>(1, FrameCount, ImageFrame.Channels, height, width);
        Span<float> values = pixels.AsSpan<float>();
        int size = ImageFrame.Channels * height * width;
        for (int i = 0; i < frames.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            (int resizedHeight, int resizedWidth) = _preprocessor.ResizedSize(frames[i].Height, frames[i].Width);
            _preprocessor.Prepare(frames[i].Resize(resizedWidth, resizedHeight), resizedHeight, resizedWidth, values.Slice(i * size, size));
        }

        using IModelRun run = _models.Get(Component).CreateRun();
        return EncoderParts.Run(run, EncoderParts.Pixels, pixels, EncoderParts.Feature, cancellationToken);
    }
}
