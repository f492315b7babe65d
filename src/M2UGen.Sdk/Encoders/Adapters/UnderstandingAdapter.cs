using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders.Adapters;

/// <summary>A medium's feature to the rows that the gated prefix adds to the medium's layers of the language model.</summary>
/// <remarks>
/// One graph holds the adapter (a projection and three gated blocks) and what the layers do with its output, which does not depend on the text (spec §4b).
/// Thread-safe. Source: M2UGen (arXiv:2311.11255), reference m2ugen.py, forward_audio, forward_image, forward_video and forward_inference.
/// </remarks>
internal sealed class UnderstandingAdapter
{
    private readonly ModelSet _models;
    private readonly string _component;

    private UnderstandingAdapter(ModelBundle bundle, ModelSet models, string component)
    {
        _models = models;
        _component = component;
        BundleComponent description = bundle.Component(component);
        Width = EncoderParts.SizeOf(bundle, component, description.Inputs, EncoderParts.Feature, 2, 1);
        Rows = EncoderParts.SizeOf(bundle, component, description.Outputs, "prefix", 2, 0);
        Dim = EncoderParts.SizeOf(bundle, component, description.Outputs, "prefix", 2, 1);
    }

    /// <summary>Values of the feature.</summary>
    public int Width { get; }

    /// <summary>Layers of the language model that hear of this medium.</summary>
    public int Rows { get; }

    /// <summary>Width of the language model.</summary>
    public int Dim { get; }

    /// <summary>Reads the sizes; the graph loads with the first feature.</summary>
    /// <exception cref="M2UGenException">The bundle lacks the component, or a size is missing.</exception>
    public static UnderstandingAdapter Open(ModelBundle bundle, ModelSet models, string component) => new(bundle, models, component);

    /// <summary>The rows of one feature.</summary>
    /// <param name="feature">[<see cref="Width"/>], of length one (<see cref="KnnMixer.Normalize"/>).</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>[<see cref="Rows"/>, <see cref="Dim"/>], the constant part of prefix_query included.</returns>
    public float[] Adapt(ReadOnlySpan<float> feature, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(feature.Length, Width, nameof(feature));
        using IModelRun run = _models.Get(_component).CreateRun();
        using NativeTensor input = NativeTensor.Of(feature, 1, Width);
        return EncoderParts.Run(run, EncoderParts.Feature, input, "prefix", cancellationToken);
    }
}
