using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The language model: tokens in, logits of the next token and the hidden state before the final norm out.</summary>
/// <remarks>
/// <code>
/// input_ids ─ tok_embeddings ─┬─ norm ─ attention ─ Add ─┬─ norm ─ SwiGLU ─ Add ─┬─ … ─ last position ─┬─ hidden_states
///                             └──────────────────────┘  │└───────────────────┘               norm ─ output ─ logits
///                                            prefix row i (last P layers only)
/// </code>
/// Low-rank pairs are folded, query, key and value packed, the cache is written in place. The prefix adapters enter as P constant vectors,
/// see <see cref="PrefixContribution"/>. Batch 1; several tokens at a time are allowed at any position.
/// Source: arXiv:2307.09288, M2UGen (arXiv:2311.11255), reference <c>llama.py</c> and <c>m2ugen.py forward_inference</c>.
/// </remarks>
internal static class LlamaGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "llama";

    /// <summary>Builds the graph.</summary>
    /// <param name="weights">The tensors.</param>
    /// <param name="maxPositions">The longest text, prompt and answer together, in tokens.</param>
    /// <param name="options">Taps and precision.</param>
    public static GraphBuilder Build(LlamaWeights weights, int maxPositions, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options) { IsLarge = true };
        LlamaParams parameters = weights.Parameters;
        float epsilon = parameters.NormEpsilon;
        int dim = parameters.Dim;
        int firstWithPrefix = weights.Layers.Count - weights.PrefixLayers;

        Value ids = graph.Input("input_ids", DataType.Int64, 1, "sequence_length");
        Value prefix = graph.Input("prefix", DataType.Float, weights.PrefixLayers, dim);
        KVCachePorts ports = KVCachePorts.Declare(graph, 1, weights.Heads, graph.QuantizesCache);
        RotaryTables rotary = RotaryEmbedding.Emit(graph, weights.Heads, maxPositions, parameters.RopeTheta);

        Value residual = Embedding.Emit(graph, "/tok_embeddings", ids, weights.Embedding);
        Value x = RmsNorm.Emit(graph, "/layers.0/attention_norm", residual, weights.Layers[0].AttentionNorm, epsilon);
        for (int i = 0; i < weights.Layers.Count; i++)
        {
            LlamaLayerWeights layer = weights.Layers[i];
            string path = $"/layers.{i}";

            // Nobody asks what the last layer makes of earlier positions, only for their keys and values: three quarters of its work in a prompt.
            bool isNarrow = i + 1 == weights.Layers.Count && !graph.Options.IsTapped($"layers.{i}");
            Value attended = CausalAttention.Emit(graph, $"{path}/attention", i, x, layer.Attention, weights.Heads, ports, rotary, select: isNarrow ? context => Last($"{path}/attention/last_position", context) : null);
            residual = isNarrow ? Last($"{path}/last_position", residual) : residual;

            // The prefix's row rides on the residual sum as its bias: no node of its own, no cost per token.
            Value row = layer.Prefix is null
                ? Value.None
                : graph.Gather($"{path}/attention/prefix/Gather", prefix, graph.Int64Scalar(i - firstWithPrefix), axis: 0);
            (x, residual) = RmsNorm.EmitWithSkip(graph, $"{path}/ffn_norm", attended, residual, layer.FeedForwardNorm, epsilon, row);
            Value fed = SwiGlu.Emit(graph, $"{path}/feed_forward", x, layer.Gate, layer.Up, layer.Down);
            if (i + 1 < weights.Layers.Count)
            {
                (x, residual) = RmsNorm.EmitWithSkip(graph, $"/layers.{i + 1}/attention_norm", fed, residual, weights.Layers[i + 1].AttentionNorm, epsilon);
            }
            else
            {
                residual = graph.Add($"{path}/Add", fed, residual);
            }

            graph.Tap($"layers.{i}", residual, DataType.Float, 1, "sequence_length", dim);
        }

        Value last = graph.Gather("/last_position/Gather", residual, graph.Int64Scalar(-1), axis: 1);
        graph.Output("hidden_states", last, DataType.Float, 1, dim);
        Value normalized = RmsNorm.Emit(graph, "/norm", last, weights.Norm, epsilon);
        graph.Output("logits", Linear.Emit(graph, "/output", normalized, weights.Output, role: MatrixRole.Head), DataType.Float, 1, weights.Vocabulary);
        return graph;

        Value Last(string name, Value value) => graph.Slice($"{name}/Slice", value, -1, int.MaxValue, axis: 1);
    }

    /// <summary>The scales of a graph that keeps its keys and values in 8 bits; none otherwise.</summary>
    public static IReadOnlyList<PlannedTensor> Scales(LlamaWeights weights, GraphBuilder graph) => graph.QuantizesCache
        ? [CacheScales.Plan(Component, [.. weights.Layers.Select(layer => new CachedLayer(layer.Attention, layer.AttentionNorm))], weights.Heads)]
        : [];

    /// <summary>The numbers a caller of the graph needs.</summary>
    /// <param name="weights">The tensors.</param>
    /// <param name="maxPositions">As given to <see cref="Build"/>.</param>
    public static JsonObject Config(LlamaWeights weights, int maxPositions) => new()
    {
        ["layers"] = weights.Layers.Count,
        ["hidden_size"] = weights.Parameters.Dim,
        ["heads"] = weights.Heads.Heads,
        ["kv_heads"] = weights.Heads.KeyValueHeads,
        ["head_size"] = weights.Heads.PaddedHeadSize,
        ["unpadded_head_size"] = weights.Heads.HeadSize,
        ["intermediate_size"] = weights.Layers[0].Gate.Weight.Shape[0],
        ["vocab_size"] = weights.Vocabulary,
        ["lora_rank"] = weights.Rank,
        ["prefix_layers"] = weights.PrefixLayers,
        ["context_length"] = maxPositions,
        ["norm_eps"] = weights.Parameters.NormEpsilon,
        ["rope_theta"] = weights.Parameters.RopeTheta,
    };
}
