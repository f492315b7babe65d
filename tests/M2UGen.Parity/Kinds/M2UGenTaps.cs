using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Media.Image;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds;

/// <summary>A case's bundle with the inner stages of its senses as outputs: states, tokens, adapters and prefix vectors, which no component gives out.</summary>
internal sealed class M2UGenTaps : IDisposable
{
    private readonly ModelBundle bundle;
    private readonly ModelSet models;

    public M2UGenTaps(ParityCase c)
    {
        bundle = ModelBundle.Open(M2UGenExports.Bundle(c, "means", "last_hidden_state", "adapter", "prefix_vectors"));
        models = new ModelSet(bundle, new RuntimeOptions());
    }

    /// <summary>[states, H]: MERT's hidden states of one window, averaged over time.</summary>
    public (float[] Values, long[] Shape) HiddenMeans(AudioClip clip, CancellationToken cancellationToken)
    {
        MertPreprocessor preprocessor = MertPreprocessor.From(bundle.Manifest.Preprocessing[MertEncoder.Component]!.AsObject(), bundle.Directory);
        WindowReader reader = new(clip, preprocessor.SampleRate);
        float[] samples = new float[Math.Min(reader.Length, AudioWindow.Seconds * preprocessor.SampleRate)];
        reader.Read(0, samples);
        preprocessor.Prepare(samples, samples);
        return WithoutBatch(Run(MertEncoder.Component, samples, [1, samples.Length], "means", cancellationToken));
    }

    /// <summary>[tokens, H]: ViT's last states.</summary>
    public (float[] Values, long[] Shape) Tokens(ImageFrame image, CancellationToken cancellationToken)
    {
        VitPreprocessor preprocessor = VitPreprocessor.From(bundle.Manifest.Preprocessing[VitEncoder.Component]!.AsObject(), bundle.Directory);
        float[] pixels = new float[3 * preprocessor.Height * preprocessor.Width];
        preprocessor.Prepare(image.Resize(preprocessor.Width, preprocessor.Height), pixels);
        return WithoutBatch(Run(VitEncoder.Component, pixels, [1, 3, preprocessor.Height, preprocessor.Width], "last_hidden_state", cancellationToken));
    }

    /// <summary>[tokens, H]: ViViT's last states.</summary>
    public (float[] Values, long[] Shape) Tokens(IReadOnlyList<ImageFrame> frames, CancellationToken cancellationToken)
    {
        VivitPreprocessor preprocessor = VivitPreprocessor.From(bundle.Manifest.Preprocessing[VivitEncoder.Component]!.AsObject(), bundle.Directory);
        int plane = 3 * preprocessor.CropHeight * preprocessor.CropWidth;
        float[] pixels = new float[frames.Count * plane];
        for (int i = 0; i < frames.Count; i++)
        {
            (int height, int width) = preprocessor.ResizedSize(frames[i].Height, frames[i].Width);
            preprocessor.Prepare(frames[i].Resize(width, height), height, width, pixels.AsSpan(i * plane, plane));
        }

        return WithoutBatch(Run(VivitEncoder.Component, pixels, [1, frames.Count, 3, preprocessor.CropHeight, preprocessor.CropWidth], "last_hidden_state", cancellationToken));
    }

    /// <summary>[1, dim]: the adapter's output.</summary>
    /// <param name="component">The prefix graph.</param>
    /// <param name="feature">[H], of length one.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public float[] Adapter(string component, float[] feature, CancellationToken cancellationToken) => Run(component, feature, [1, feature.Length], "adapter", cancellationToken).Values;

    /// <summary>[P/3, dim]: the vectors p of the medium's layers.</summary>
    /// <inheritdoc cref="Adapter"/>
    public float[] Vectors(string component, float[] feature, CancellationToken cancellationToken) => Run(component, feature, [1, feature.Length], "prefix_vectors", cancellationToken).Values;

    public void Dispose() => models.Dispose();

    private static (float[] Values, long[] Shape) WithoutBatch((float[] Values, long[] Shape) tensor) => (tensor.Values, tensor.Shape[1..]);

    private (float[] Values, long[] Shape) Run(string component, float[] values, long[] shape, string output, CancellationToken cancellationToken)
    {
        IOnnxModel model = models.Get(component);
        using NativeTensor input = NativeTensor.Of<float>(values, shape);
        using IModelRun run = model.CreateRun();
        run.BindInput(model.Description.Inputs.Single().Name, input);
        run.BindOutputToAllocated(output);
        run.Run(cancellationToken);
        return MusicRuns.Take(run.TakeOutput(output));
    }
}
