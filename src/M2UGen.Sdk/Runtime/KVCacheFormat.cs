using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime;

/// <summary>What the cache of a language model's keys and values holds: the sizes, the element type and, of whole numbers, the scale of every channel.</summary>
/// <param name="Layers">Layers of the model.</param>
/// <param name="Heads">Key/value heads.</param>
/// <param name="HeadSize">Size of a head as the graph has it.</param>
/// <param name="Kind"><see cref="TensorElementKind.Float"/>, <see cref="TensorElementKind.Float16"/> (graphs for GPUs), or <see cref="TensorElementKind.Int8"/>: value = number × scale, at most 127 scales; what is beyond is cut there.</param>
/// <param name="Scales">[layers, key and value, heads, head size] for <see cref="TensorElementKind.Int8"/>; empty for floats.</param>
/// <remarks>Scales do not change while a model is loaded, so the rows of a position depend on the tokens before it and on nothing else.</remarks>
internal sealed record KVCacheFormat(int Layers, int Heads, int HeadSize, TensorElementKind Kind, float[] Scales)
{
    /// <summary>The first layer's keys among a graph's inputs: its element type is that of the whole cache.</summary>
    private const string FirstKey = "past_key_values.0.key";

    /// <summary>The name of a component's scales among a bundle's tensors.</summary>
    public static string ScalesOf(string component) => $"cache-scales-{component}";

    /// <summary>The element type that a graph keeps its keys and values in.</summary>
    public static TensorElementKind KindOf(BundleComponent component) =>
        component.Inputs.FirstOrDefault(input => input.Name == FirstKey)?.Kind ?? TensorElementKind.Float;

    /// <summary>Reads the scales of a component's cache; empty where it holds floats.</summary>
    /// <exception cref="ModelBundleException">They are missing, or make no sense.</exception>
    public static float[] ReadScales(ModelBundle bundle, string component)
    {
        if (KindOf(bundle.Component(component)) != TensorElementKind.Int8)
        {
            return [];
        }

        float[] scales = bundle.ReadTensor(ScalesOf(component));
        return Array.TrueForAll(scales, scale => float.IsFinite(scale) && scale > 0)
            ? scales
            : throw new ModelBundleException(bundle.Directory, $"Tensor '{ScalesOf(component)}' of bundle '{bundle.Directory}' holds scales that are no positive numbers. Run 'm2ugen-export calibrate' on the bundle, or export it again.");
    }
}
