using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Language;

/// <summary>The sizes of the language model, as the checkpoint dictates them and the bundle's component states them.</summary>
internal sealed record LlamaConfig
{
    /// <summary>The reference's max_seq_len: a constant of its code (m2ugen.py, ModelArgs), which no file of a checkpoint holds.</summary>
    public const int ReferenceContextLength = 1024;

    /// <summary>Transformer layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Key/value heads of the cache.</summary>
    public required int Heads { get; init; }

    /// <summary>Size of a head in the cache (padded as the graph's attention needs it).</summary>
    public required int HeadSize { get; init; }

    /// <summary>Width of the hidden state.</summary>
    public required int Dim { get; init; }

    /// <summary>Tokens, the music tokens included.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Layers that take a prefix contribution: the rows of the graph's <c>prefix</c> input.</summary>
    public required int PrefixLayers { get; init; }

    /// <summary>The most tokens that prompt and answer may have together.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The element type of the cache.</summary>
    public TensorElementKind CacheKind { get; init; } = TensorElementKind.Float;

    /// <summary>Scales of a cache in 8 bits; empty otherwise.</summary>
    public float[] CacheScales { get; init; } = [];

    /// <summary>The cache that the graph writes.</summary>
    public KVCacheFormat Cache => new(Layers, Heads, HeadSize, CacheKind, CacheScales);

    /// <summary>Reads the sizes from a component's contract and configuration.</summary>
    /// <exception cref="ModelContractException">A tensor or a number is missing or makes no sense; all problems are listed.</exception>
    public static LlamaConfig From(BundleComponent component, string name = "llama")
    {
        List<string> problems = [];
        int layers = component.Inputs.Count(input => input.Name.StartsWith("past_key_values.", StringComparison.Ordinal) && input.Name.EndsWith(".key", StringComparison.Ordinal));
        if (layers == 0)
        {
            problems.Add("past_key_values.0.key: expected an input of this name, found none");
        }

        LlamaConfig config = new()
        {
            Layers = layers,
            Heads = Dimension(component.Inputs, "past_key_values.0.key", 4, 1, problems),
            HeadSize = Dimension(component.Inputs, "past_key_values.0.key", 4, 3, problems),
            PrefixLayers = Dimension(component.Inputs, "prefix", 2, 0, problems),
            Dim = Dimension(component.Inputs, "prefix", 2, 1, problems),
            VocabularySize = Dimension(component.Outputs, "logits", 2, 1, problems),
            ContextLength = ContextLengthOf(component.Config, problems),
            CacheKind = KVCacheFormat.KindOf(component),
        };
        return problems.Count == 0 ? config : throw new ModelContractException(name, component.Graph, problems);
    }

    private static int Dimension(IReadOnlyList<TensorSpec> tensors, string name, int rank, int axis, List<string> problems)
    {
        TensorSpec? tensor = tensors.FirstOrDefault(candidate => candidate.Name == name);
        if (tensor is null || tensor.Dimensions.Count != rank || tensor.Dimensions[axis].Size is <= 0 or > int.MaxValue)
        {
            problems.Add($"{name}: expected a tensor of {rank} dimensions with a fixed size in dimension {axis}, found {tensor?.ToString() ?? "none"}");
            return 1;
        }

        return (int)tensor.Dimensions[axis].Size;
    }

    private static int ContextLengthOf(JsonObject config, List<string> problems)
    {
        switch (config["context_length"])
        {
            case null:
                return ReferenceContextLength;
            case JsonValue value when value.TryGetValue(out int number) && number > 1:
                return number;
            case { } other:
                problems.Add($"config.context_length: expected an integer above 1, found {other.ToJsonString()}");
                return ReferenceContextLength;
        }
    }
}
