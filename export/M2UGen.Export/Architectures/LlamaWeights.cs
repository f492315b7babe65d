using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The tensors of the tuned LLaMA, found by name and checked by shape; nothing is read yet.</summary>
/// <remarks>
/// Source: spec section 2; reference <c>llama.py</c>. Biases and low-rank pairs are taken where the checkpoint has them. A plain LLaMA-2 without prefix
/// is the same with zero prefix layers.
/// </remarks>
internal sealed class LlamaWeights
{
    private LlamaWeights(LlamaParams parameters, HeadShape heads, long vocabulary)
    {
        Parameters = parameters;
        Heads = heads;
        Vocabulary = vocabulary;
    }

    /// <summary>The numbers of params.json.</summary>
    public LlamaParams Parameters { get; }

    /// <summary>Heads as the tensors have them.</summary>
    public HeadShape Heads { get; }

    /// <summary>Rows of the token embedding.</summary>
    public long Vocabulary { get; }

    /// <summary>tok_embeddings [vocabulary, dim].</summary>
    public required Weight Embedding { get; init; }

    /// <summary>output [vocabulary, dim].</summary>
    public required Weight Output { get; init; }

    /// <summary>norm [dim].</summary>
    public required Weight Norm { get; init; }

    /// <summary>The layers in order.</summary>
    public required IReadOnlyList<LlamaLayerWeights> Layers { get; init; }

    /// <summary>prefix_query [prefix layers, dim], or null for a LLaMA without prefixes.</summary>
    public Weight? PrefixQuery { get; init; }

    /// <summary>The number of last layers that take a prefix: the rows of prefix_query.</summary>
    public int PrefixLayers => PrefixQuery is null ? 0 : (int)PrefixQuery.Shape[0];

    /// <summary>The rank of the low-rank pairs, 0 where there are none.</summary>
    public long Rank { get; init; }

    /// <summary>Finds the tensors; what is missing or misshaped is noted in <paramref name="map"/>, whose <c>ThrowIfIncomplete</c> lists it all.</summary>
    /// <param name="map">The tensors below <c>llama.</c>, or those over a base LLaMA's.</param>
    /// <param name="parameters">The numbers of params.json.</param>
    /// <param name="prefixQuery">prefix_query [prefix layers, dim], or null for a LLaMA without prefixes.</param>
    /// <exception cref="CheckpointException">The rows of prefix_query do not fit the layers.</exception>
    public static LlamaWeights Read(WeightMap map, LlamaParams parameters, Weight? prefixQuery)
    {
        long dim = parameters.Dim;
        long? keyRows = map.ShapeOf("layers.0.attention.wk.weight") is [long rows, _] ? rows : null;
        HeadShape heads = new(parameters.Heads, KeyValueHeads(parameters, keyRows), parameters.HeadSize, Rotary: true);

        // The output matrix, not the embedding: a base LLaMA's embedding lacks the rows of the music tokens.
        long vocabulary = map.RowsOf("output.weight");
        int prefixLayers = prefixQuery is null ? 0 : (int)Math.Min(prefixQuery.Shape[0], int.MaxValue);
        if (prefixLayers % 3 != 0 || prefixLayers > parameters.Layers)
        {
            throw new CheckpointException(map.SourcePath, $"prefix_query has {prefixLayers} rows; expected a multiple of three (audio, image, video) of at most the {parameters.Layers} layers.");
        }

        LlamaLayerWeights[] layers = new LlamaLayerWeights[parameters.Layers];
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i] = LlamaLayerWeights.Read(map, i, dim, heads, i >= layers.Length - prefixLayers);
        }

        return new LlamaWeights(parameters, heads, vocabulary)
        {
            Embedding = ReadEmbedding(map, vocabulary, dim),
            Output = map.Require("output.weight", vocabulary, dim),
            Norm = map.Require("norm.weight", dim),
            Layers = layers,
            PrefixQuery = prefixQuery,
            Rank = map.ShapeOf("layers.0.attention.lora_wq_l1.weight") is [long rank, _] ? rank : 0,
        };
    }

    private static Weight ReadEmbedding(WeightMap map, long vocabulary, long dim)
    {
        const string Name = "tok_embeddings.weight";
        long rows = map.RowsOf(Name);
        if (rows < 0 || rows >= vocabulary)
        {
            return map.Require(Name, vocabulary, dim);
        }

        // As the reference's load_llama: rows that the base LLaMA does not have start as ones, and an untuned checkpoint leaves them so.
        // Filled while saving only: a row count is not believed before all shapes are checked.
        long more = vocabulary - rows;
        return Weight.Stack(Name, map.Require(Name, rows, dim), new Weight("rows of the music tokens", [more, dim], () =>
        {
            float[] ones = new float[checked(more * dim)];
            Array.Fill(ones, 1f);
            return ones;
        }));
    }

    private static int KeyValueHeads(LlamaParams parameters, long? keyRows)
    {
        long? fromShape = keyRows is { } rows && rows > 0 && rows % parameters.HeadSize == 0 ? rows / parameters.HeadSize : null;
        return fromShape is { } count && count <= parameters.Heads && parameters.Heads % count == 0
            ? (int)count
            : parameters.KeyValueHeads ?? parameters.Heads;
    }
}

/// <summary>The tensors of one layer.</summary>
internal sealed record LlamaLayerWeights
{
    /// <summary>Attention with its low-rank pairs folded in.</summary>
    public required AttentionWeights Attention { get; init; }

    /// <summary>w1, w3, w2 with their pairs folded in.</summary>
    public required LinearWeights Gate { get; init; }

    /// <summary>w3 with its pair folded in.</summary>
    public required LinearWeights Up { get; init; }

    /// <summary>w2 with its pair folded in.</summary>
    public required LinearWeights Down { get; init; }

    /// <summary>[dim].</summary>
    public required Weight AttentionNorm { get; init; }

    /// <summary>[dim].</summary>
    public required Weight FeedForwardNorm { get; init; }

    /// <summary>What the layer does to its prefix; null in layers without one.</summary>
    public GatedPrefixWeights? Prefix { get; init; }

    internal static LlamaLayerWeights Read(WeightMap map, int layer, long dim, HeadShape heads, bool takesPrefix)
    {
        string attention = $"layers.{layer}.attention";
        string feedForward = $"layers.{layer}.feed_forward";
        long queryRows = (long)heads.Heads * heads.HeadSize;
        long keyRows = (long)heads.KeyValueHeads * heads.HeadSize;
        long hidden = map.RowsOf($"{feedForward}.w1.weight");
        Weight value = map.Require($"{attention}.wv.weight", keyRows, dim);
        Weight output = map.Require($"{attention}.wo.weight", dim, queryRows);
        LoraPair? outputPair = Pair(map, attention, "wo", dim, queryRows);
        return new LlamaLayerWeights
        {
            Attention = new AttentionWeights
            {
                Query = Folded(map, attention, "wq", queryRows, dim),
                Key = Folded(map, attention, "wk", keyRows, dim),
                Value = LoraLinear.Fold(value, Pair(map, attention, "wv", keyRows, dim)),
                Output = LoraLinear.Fold(output, outputPair),
                QueryBias = map.Optional($"{attention}.wq.bias", queryRows),
                KeyBias = map.Optional($"{attention}.wk.bias", keyRows),
                ValueBias = map.Optional($"{attention}.wv.bias", keyRows),
                OutputBias = map.Optional($"{attention}.wo.bias", dim),
            },
            Gate = new LinearWeights(Folded(map, feedForward, "w1", hidden, dim), map.Optional($"{feedForward}.w1.bias", hidden)),
            Up = new LinearWeights(Folded(map, feedForward, "w3", hidden, dim), map.Optional($"{feedForward}.w3.bias", hidden)),
            Down = new LinearWeights(Folded(map, feedForward, "w2", dim, hidden), map.Optional($"{feedForward}.w2.bias", dim)),
            AttentionNorm = map.Require($"layers.{layer}.attention_norm.weight", dim),
            FeedForwardNorm = map.Require($"layers.{layer}.ffn_norm.weight", dim),
            Prefix = takesPrefix
                ? new GatedPrefixWeights
                {
                    Gate = map.Require($"{attention}.gate", 1, heads.Heads, 1, 1),
                    Value = value,
                    Output = output,
                    OutputPair = outputPair,
                }
                : null,
        };
    }

    private static Weight Folded(WeightMap map, string path, string matrix, long rows, long columns)
        => LoraLinear.Fold(map.Require($"{path}.{matrix}.weight", rows, columns), Pair(map, path, matrix, rows, columns));

    private static LoraPair? Pair(WeightMap map, string path, string matrix, long rows, long columns)
    {
        string down = $"{path}.lora_{matrix}_l1.weight";
        string up = $"{path}.lora_{matrix}_l2.weight";
        if (!map.Contains(down) && !map.Contains(up))
        {
            return null;
        }

        long rank = map.RowsOf(down);
        return new LoraPair(map.Require(down, rank, columns), map.Require(up, rows, rank));
    }
}
