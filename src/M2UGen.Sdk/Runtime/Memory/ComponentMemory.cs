using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>What the components of a bundle take: read from their graph files when first asked for, without loading one.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ComponentMemory(ModelBundle bundle)
{
    // What a session has beside weights: its options, allocator, threads' buffers and bindings.
    private const long BytesPerSession = 1_500_000;

    // What is lost between the weights' copies: they begin on borders of vectors and pages, and the heap keeps books of them.
    private const double HeapShare = 0.01;

    // Added to sizes to see which shapes go by them: a number that no graph halves so often that it becomes odd.
    private const long OtherSizes = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (OnnxGraph Graph, WeightMemory Weights)> _graphs = new(StringComparer.Ordinal);

    /// <summary>What a loaded component takes.</summary>
    public WeightMemory WeightsOf(string component)
    {
        WeightMemory weights = Read(component).Weights;
        return weights with { AnonymousBytes = (long)(weights.AnonymousBytes * (1 + HeapShare)) + BytesPerSession };
    }

    /// <summary>What a component's runs leave in its arena, where it stays until the component is unloaded.</summary>
    /// <param name="component">The component.</param>
    /// <param name="sizes">The sizes of the dimensions that vary, by their names in the contract; those left out count 1.</param>
    /// <param name="numbers">The numbers of inputs that shapes are made of.</param>
    public long ArenaOf(string component, IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, long>? numbers = null)
    {
        BundleComponent description = bundle.Component(component);
        OnnxGraph graph = Read(component).Graph;
        try
        {
            Dictionary<string, ValueSize> values = GraphShapes.Infer(graph, Inputs(0));
            return RunMemory.ArenaOf(graph, values, KnownShapes.Of(graph, values, GraphShapes.Infer(graph, Inputs(OtherSizes))));
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or OverflowException)
        {
            throw new ModelBundleException(bundle.PathOf(description.Graph), $"The graph of component '{component}' ('{bundle.PathOf(description.Graph)}') does not fit its contract: {exception.Message} Export the bundle again with this version of m2ugen-export.", exception);
        }

        Dictionary<string, ValueSize> Inputs(long more) => description.Inputs.ToDictionary(
            input => input.Name,
            input => new ValueSize(
                [.. input.Dimensions.Select(dimension => dimension.Symbol is { } symbol ? Size(sizes.GetValueOrDefault(symbol, 1), more) : dimension.Size)],
                OnnxGraphReader.BytesOf(input.Kind),
                numbers is not null && numbers.TryGetValue(input.Name, out long number) ? [number] : null),
            StringComparer.Ordinal);

        // Rows of a batch are few, and what is 1 spreads over what is not.
        static long Size(long size, long more) => size > 2 ? size + more : size;
    }

    private (OnnxGraph Graph, WeightMemory Weights) Read(string component)
    {
        lock (_gate)
        {
            if (!_graphs.TryGetValue(component, out (OnnxGraph Graph, WeightMemory Weights) read))
            {
                OnnxGraph graph = OnnxGraphReader.Read(bundle.PathOf(bundle.Component(component).Graph));
                read = (graph, WeightMemory.Of(graph));
                _graphs.Add(component, read);
            }

            return read;
        }
    }
}
