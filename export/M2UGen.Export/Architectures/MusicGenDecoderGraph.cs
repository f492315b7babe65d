using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>MusicGen's language model over codebooks, one step or several at a time. Component <c>musicgen-decoder</c>.</summary>
/// <remarks>
/// <code>
/// input_ids [B,K,S] ── one table for all codebooks ── sum over K ─┬─ + positions ── N × layer ── LayerNorm ── last ── heads ── logits [B,K,V]
///                             prefix [B,P,H] (melody, in front) ──┘
/// layer:  + ── LayerNorm ── causal self attention (cache in place)
///         + ── LayerNorm ── cross attention (first Bc rows; not in melody models)
///         + ── LayerNorm ── fc1 ── gelu (erf) ── fc2
/// </code>
/// No linear layer has a bias. The stored table of positions counts, where there is one.
/// Sources: arXiv:2306.05284; transformers modeling_musicgen.py and modeling_musicgen_melody.py.
/// </remarks>
internal static class MusicGenDecoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "musicgen-decoder";

    // The small model's width: in 8 bits it is faster than real time on two cores, and wider ones are not.
    private const int WidthFor8Bits = 1024;

    private const string Root = "decoder.model.decoder.";

    /// <summary>Describes the graph.</summary>
    /// <param name="model">Sizes.</param>
    /// <param name="weights">The whole model's tensors: <c>decoder.model.decoder.…</c>, <c>decoder.lm_heads.0.weight</c>.</param>
    /// <param name="options">Taps: <c>positions</c> [positions,H], <c>decoder/layer{i}</c> [B,positions,H] (0: embeddings and positions, last: after the final norm).</param>
    public static BundlePart Create(MusicGenConfig model, WeightMap weights, GraphOptions? options = null)
    {
        MusicGenDecoderConfig config = model.Decoder;
        GraphBuilder graph = new(Component, options) { IsLarge = config.HiddenSize > WidthFor8Bits };
        HeadShape heads = new(config.Heads, config.Heads, config.HeadSize);
        Weight positions = Positions(config, weights);
        Value x = EmitEmbeddings(graph, model, weights, positions);
        Tap(0, x);
        KVCachePorts ports = KVCachePorts.Declare(graph, "batch", heads, graph.QuantizesCache);
        List<CachedLayer> cached = [];
        CrossAttention? cross = model.IsMelody ? null : CrossAttention.Declare(graph, x, config.Heads, config.HeadSize);
        for (int i = 0; i < config.Layers; i++)
        {
            x = EmitLayer(graph, config, weights.Under($"{Root}layers.{i}."), i, x, heads, ports, cross, cached);
            if (i + 1 < config.Layers)
            {
                Tap(i + 1, x);
            }
        }

        x = Norm(graph, weights.Under(Root), "layer_norm", "/layer_norm", x, config.HiddenSize);
        Tap(config.Layers, x);
        EmitHeads(graph, config, weights, x);
        JsonObject numbers = new()
        {
            ["form"] = model.IsMelody ? "prefix" : "cross_attention",
            ["layers"] = config.Layers,
            ["heads"] = config.Heads,
            ["head_size"] = heads.PaddedHeadSize,
            ["hidden_size"] = config.HiddenSize,
            ["codebooks"] = config.Codebooks,
            ["audio_channels"] = config.AudioChannels,
            ["vocab_size"] = config.VocabularySize,
            ["pad_token_id"] = config.PadTokenId,
            ["bos_token_id"] = config.BosTokenId,
            ["max_positions"] = positions.Shape[0],
        };
        if (!model.IsMelody)
        {
            numbers["cross_head_size"] = config.HeadSize;
        }

        return new BundlePart(Component, graph, numbers) { Tensors = graph.QuantizesCache ? [CacheScales.Plan(Component, cached, heads)] : [] };

        void Tap(int layer, Value value) => graph.Tap($"decoder/layer{layer}", value, DataType.Float, "batch", "positions", config.HiddenSize);
    }

    /// <summary>The stored table, however many rows it has, or the formula's.</summary>
    private static Weight Positions(MusicGenDecoderConfig config, WeightMap weights)
    {
        const string Name = $"{Root}embed_positions.weights";
        return weights.Find(Name) is not { } stored
            ? SinusoidalPositions.Table(config.MaxPositions, config.HiddenSize)
            : Weight.From(weights.Get(Name, stored.Shape is [> 0, ..] ? stored.Shape[0] : config.MaxPositions, config.HiddenSize));
    }

    /// <summary>[B, S, H] (melody: [B, P + S, H]): the sum of the codebooks' vectors, and the positions.</summary>
    private static Value EmitEmbeddings(GraphBuilder graph, MusicGenConfig model, WeightMap weights, Weight table)
    {
        MusicGenDecoderConfig config = model.Decoder;
        int rows = config.VocabularySize + 1;
        Value ids = graph.Input("input_ids", DataType.Int64, "batch", config.Codebooks, "sequence");
        Value positionIds = graph.Input("position_ids", DataType.Int64, "positions");

        // The tables lie one behind the other: codebook k's ids start at row k · (V + 1).
        Weight[] tables = new Weight[config.Codebooks];
        long[] firstRows = new long[config.Codebooks];
        for (int k = 0; k < tables.Length; k++)
        {
            tables[k] = Weight.From(weights.Get($"{Root}embed_tokens.{k}.weight", rows, config.HiddenSize));
            firstRows[k] = (long)k * rows;
        }

        Value offsets = graph.Unsqueeze("/embed_tokens/offsets", graph.Int64s(firstRows), 1);
        Value all = Embedding.Emit(graph, "/embed_tokens", graph.Add("/embed_tokens/Add", ids, offsets), Weight.Stack("embed_tokens", tables));
        Value x = graph.Op("ReduceSum", "/embed_tokens/ReduceSum", [all, graph.Int64s(1)], ("keepdims", 0));
        if (model.IsMelody)
        {
            Value prefix = graph.Input("prefix", DataType.Float, "batch", "prefix", config.HiddenSize);
            x = graph.Concat("/prefix/Concat", 1, prefix, x);
        }

        Value positions = Embedding.Emit(graph, "/embed_positions", positionIds, table);
        graph.Tap("positions", positions, DataType.Float, "positions", config.HiddenSize);
        return graph.Add("/embed_positions/Add", x, positions);
    }

    private static Value EmitLayer(
        GraphBuilder graph,
        MusicGenDecoderConfig config,
        WeightMap weights,
        int layer,
        Value x,
        HeadShape heads,
        KVCachePorts ports,
        CrossAttention? cross,
        List<CachedLayer> cached)
    {
        string name = $"/layers.{layer}";
        int hidden = config.HiddenSize;
        Value normalized = Norm(graph, weights, "self_attn_layer_norm", $"{name}/self_attn_layer_norm", x, hidden);
        AttentionWeights projections = new()
        {
            Query = Square("self_attn.q_proj"),
            Key = Square("self_attn.k_proj"),
            Value = Square("self_attn.v_proj"),
            Output = Square("self_attn.out_proj"),
        };
        cached.Add(new CachedLayer(projections, Weight.From(weights.Get("self_attn_layer_norm.weight", hidden)), Weight.From(weights.Get("self_attn_layer_norm.bias", hidden))));
        Value attended = CausalAttention.Emit(graph, $"{name}/self_attn", layer, normalized, projections, heads, ports, outputName: "out_proj");
        x = graph.Add($"{name}/self_attn/Add", x, attended);
        if (cross is not null)
        {
            Value followed = cross.Emit(
                $"{name}/encoder_attn",
                layer,
                x,
                rows => Norm(graph, weights, "encoder_attn_layer_norm", $"{name}/encoder_attn_layer_norm", rows, hidden),
                Square("encoder_attn.q_proj"),
                Square("encoder_attn.out_proj"));
            x = graph.Add($"{name}/encoder_attn/Add", x, followed);
        }

        normalized = Norm(graph, weights, "final_layer_norm", $"{name}/final_layer_norm", x, hidden);
        Value inner = Linear.Emit(graph, $"{name}/fc1", normalized, Weight.From(weights.Get("fc1.weight", config.FeedForwardSize, hidden)));
        Value activated = graph.MicrosoftOp("Gelu", $"{name}/Gelu", [inner]);
        Value outer = Linear.Emit(graph, $"{name}/fc2", activated, Weight.From(weights.Get("fc2.weight", hidden, config.FeedForwardSize)));
        return graph.Add($"{name}/Add", x, outer);

        Weight Square(string projection) => Weight.From(weights.Get($"{projection}.weight", hidden, hidden));
    }

    /// <summary>All codebooks' heads as one matrix, for the last position alone.</summary>
    private static void EmitHeads(GraphBuilder graph, MusicGenDecoderConfig config, WeightMap weights, Value x)
    {
        Weight[] heads = new Weight[config.Codebooks];
        for (int k = 0; k < heads.Length; k++)
        {
            heads[k] = Weight.From(weights.Get($"decoder.lm_heads.{k}.weight", config.VocabularySize, config.HiddenSize));
        }

        Value last = graph.Slice("/lm_heads/last", x, -1, int.MaxValue, axis: 1);
        Value logits = Linear.Emit(graph, "/lm_heads", last, Weight.Stack("lm_heads", heads), role: MatrixRole.Head);
        Value perCodebook = graph.Reshape("/lm_heads/Reshape", logits, 0, config.Codebooks, config.VocabularySize);
        graph.Output("logits", perCodebook, DataType.Float, "batch", config.Codebooks, config.VocabularySize);
    }

    private static Value Norm(GraphBuilder graph, WeightMap weights, string tensor, string name, Value x, long hidden)
        => LayerNorm.Emit(graph, name, x, Weight.From(weights.Get($"{tensor}.weight", hidden)), Weight.From(weights.Get($"{tensor}.bias", hidden)));
}
