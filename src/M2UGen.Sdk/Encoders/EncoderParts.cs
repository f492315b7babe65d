using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders;

/// <summary>What the encoders need of a bundle: sizes of inputs and outputs, sections of preprocessing, and one run of a graph.</summary>
internal static class EncoderParts
{
    // Nothing in a bundle may make us allocate by an absurd number; no published model comes near it.
    private const int LargestSize = 1 << 20;

    /// <summary>The input of the vision encoders.</summary>
    public const string Pixels = "pixel_values";

    /// <summary>The output of every encoder.</summary>
    public const string Feature = "feature";

    /// <summary>The values of a vector that a component takes or gives.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="component">The component.</param>
    /// <param name="specs">Its inputs or its outputs.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="rank">The dimensions that the tensor must have.</param>
    /// <param name="axis">The dimension that is asked for; it must have a fixed size.</param>
    /// <exception cref="ModelContractException">There is no such tensor, or it has other dimensions.</exception>
    public static int SizeOf(ModelBundle bundle, string component, IReadOnlyList<TensorSpec> specs, string name, int rank, int axis)
    {
        TensorSpec? spec = specs.FirstOrDefault(candidate => candidate.Name == name);
        return spec is not null && spec.Dimensions.Count == rank && spec.Dimensions[axis].Size is > 0 and <= LargestSize
            ? (int)spec.Dimensions[axis].Size
            : throw new ModelContractException(component, bundle.PathOf(bundle.Component(component).Graph), [$"{name}: expected a tensor of {rank} dimensions with a fixed size in dimension {axis}, found {spec?.ToString() ?? "none"}"]);
    }

    /// <summary>Makes sure that a vision encoder takes pictures of the size that its preprocessing makes.</summary>
    /// <exception cref="ModelContractException">It does not.</exception>
    public static void CheckPixels(ModelBundle bundle, string component, ReadOnlySpan<int> size)
    {
        TensorSpec? pixels = bundle.Component(component).Inputs.FirstOrDefault(input => input.Name == Pixels);
        long[] expected = [3, size[0], size[1]];
        if (pixels is null || pixels.Dimensions.Count < 4 || !pixels.Dimensions.TakeLast(3).Select(dimension => dimension.Size).SequenceEqual(expected))
        {
            throw new ModelContractException(component, bundle.PathOf(bundle.Component(component).Graph), [$"{Pixels}: expected […, {string.Join(", ", expected)}] as the preprocessing makes it, found {pixels?.ToString() ?? "none"}"]);
        }
    }

    /// <summary>Values of an encoder's feature.</summary>
    public static int WidthOf(ModelBundle bundle, string component) => SizeOf(bundle, component, bundle.Component(component).Outputs, Feature, 2, 1);

    /// <summary>A section of the manifest's <c>preprocessing</c>.</summary>
    /// <exception cref="ModelBundleException">There is none.</exception>
    public static JsonObject Preprocessing(ModelBundle bundle, string component) => bundle.Manifest.Preprocessing[component] as JsonObject
        ?? throw new ModelBundleException(bundle.Directory, $"{BundleManifest.FileName} of '{bundle.Directory}' has the component '{component}' and no preprocessing \"{component}\". Export the bundle again with this version of m2ugen-export.");

    /// <summary>Runs a graph with one input and one output.</summary>
    /// <param name="run">The caller's run.</param>
    /// <param name="inputName">The input.</param>
    /// <param name="input">Its values.</param>
    /// <param name="outputName">The output, whose shape the graph decides.</param>
    /// <param name="cancellationToken">Stops the run inside.</param>
    public static float[] Run(IModelRun run, string inputName, NativeTensor input, string outputName, CancellationToken cancellationToken)
    {
        run.BindInput(inputName, input);
        run.BindOutputToAllocated(outputName);
        run.Run(cancellationToken);
        using NativeTensor output = run.TakeOutput(outputName);
        return output.AsSpan<float>().ToArray();
    }
}
