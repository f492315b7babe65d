using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>T5's encoder: token ids to one state a token. Component <c>t5</c>.</summary>
/// <remarks>
/// <code>
/// input_ids [B,L] ── Embedding ── N × ( RmsNorm ─ attention ─ + ── RmsNorm ─ feed-forward ─ + ) ── RmsNorm ── last_hidden_state [B,L,d]
///                                                   │
/// attention_mask [B,L] ── 0 or the lowest float ── + ── relative bias of block 0, shared by all blocks
/// </code>
/// The attention's scores are not scaled. Feed-forward: wo(relu(wi x)), or gated wo(gelu_tanh(wi_0 x) * wi_1 x).
/// Sources: arXiv:1910.10683, arXiv:2002.05202; transformers modeling_t5.py, T5EncoderModel.
/// </remarks>
internal static class T5EncoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "t5";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The encoder's tensors: <c>shared.weight</c>, <c>encoder.block.0.…</c>.</param>
    /// <param name="options">Taps: <c>t5/layer{i}</c> [B,L,d] (0: embeddings, last: after the final norm), <c>t5/position_bias</c> [1,heads,L,L].</param>
    public static BundlePart Create(T5Config config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        Value ids = graph.Input("input_ids", DataType.Int64, "batch", "tokens");
        Value mask = graph.Input("attention_mask", DataType.Int64, "batch", "tokens");
        long hidden = config.HiddenSize;
        string embedding = weights.Contains("encoder.embed_tokens.weight") && !weights.Contains("shared.weight") ? "encoder.embed_tokens.weight" : "shared.weight";
        Value x = Embedding.Emit(graph, "/shared", ids, Weight.From(weights.Get(embedding, config.VocabularySize, hidden)));
        Tap(0, x);
        Value bias = EmitBias(graph, config, weights, ids, mask);
        for (int i = 0; i < config.Layers; i++)
        {
            x = EmitBlock(graph, config, weights.Under($"encoder.block.{i}."), $"/encoder/block.{i}", x, bias);
            if (i + 1 < config.Layers)
            {
                Tap(i + 1, x);
            }
        }

        x = RmsNorm.Emit(graph, "/encoder/final_layer_norm", x, Weight.From(weights.Get("encoder.final_layer_norm.weight", hidden)), config.Epsilon);
        Tap(config.Layers, x);
        graph.Output("last_hidden_state", x, DataType.Float, "batch", "tokens", hidden);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["layers"] = config.Layers,
            ["heads"] = config.Heads,
            ["hidden_size"] = config.HiddenSize,
            ["vocab_size"] = config.VocabularySize,
            ["pad_token_id"] = config.PadTokenId,
            ["max_positions"] = config.MaxPositions,
        });

        void Tap(int layer, Value value) => graph.Tap($"t5/layer{layer}", value, DataType.Float, "batch", "tokens", hidden);
    }

    /// <summary>[B, heads, L, L]: the relative bias, and the lowest float where the key is padding.</summary>
    private static Value EmitBias(GraphBuilder graph, T5Config config, WeightMap weights, Value ids, Value mask)
    {
        const string Name = "/encoder/position_bias";
        using IDisposable float32 = graph.KeepFloat32();
        Weight learned = Weight.From(weights.Get("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", config.Buckets, config.Heads));
        Value relative = RelativePositionBias.Emit(graph, Name, graph.Dimension($"{Name}/length", ids, 1), learned, config.MaxDistance);
        graph.Tap("t5/position_bias", relative, DataType.Float, 1, config.Heads, "tokens", "tokens");
        Value hiddenKeys = graph.Sub($"{Name}/hidden", graph.FloatScalar(1), graph.Cast($"{Name}/mask", mask, DataType.Float));
        Value lowered = graph.Mul($"{Name}/lowered", hiddenKeys, graph.FloatScalar(float.MinValue));
        Value perKey = graph.Op("Unsqueeze", $"{Name}/per_key", [lowered, graph.Int64s(1, 2)]);
        return graph.Add($"{Name}/masked", relative, perKey);
    }

    private static Value EmitBlock(GraphBuilder graph, T5Config config, WeightMap weights, string name, Value x, Value bias)
    {
        string attention = $"{name}/layer.0/SelfAttention";
        long hidden = config.HiddenSize;
        long inner = (long)config.Heads * config.HeadSize;
        Value normalized = RmsNorm.Emit(graph, $"{name}/layer.0/layer_norm", x, Get("layer.0.layer_norm.weight", hidden), config.Epsilon);
        Weight packed = Weight.Stack(
            $"{name}: q|k|v",
            Get("layer.0.SelfAttention.q.weight", inner, hidden),
            Get("layer.0.SelfAttention.k.weight", inner, hidden),
            Get("layer.0.SelfAttention.v.weight", inner, hidden));
        Value qkv = Linear.Emit(graph, $"{attention}/qkv", normalized, packed);
        Value[] parts = graph.Ops("Split", $"{attention}/Split", 3, [qkv, graph.Int64s(inner, inner, inner)], ("axis", -1));
        Value context = graph.MicrosoftOp(
            "MultiHeadAttention",
            $"{attention}/MultiHeadAttention",
            [parts[0], parts[1], parts[2], Value.None, Value.None, bias],
            ("num_heads", config.Heads),
            ("scale", 1f));
        Value attended = Linear.Emit(graph, $"{attention}/o", context, Get("layer.0.SelfAttention.o.weight", hidden, inner));
        x = AddTo(graph, $"{name}/layer.0/Add", x, attended);

        normalized = RmsNorm.Emit(graph, $"{name}/layer.1/layer_norm", x, Get("layer.1.layer_norm.weight", hidden), config.Epsilon);
        return AddTo(graph, $"{name}/layer.1/Add", x, EmitFeedForward(graph, config, weights, $"{name}/layer.1/DenseReluDense", normalized));

        Weight Get(string tensor, params ReadOnlySpan<long> shape) => Weight.From(weights.Get(tensor, shape));
    }

    /// <summary>The residual sum, which published checkpoints drive beyond 65504: it stays in float32, and so do the norms that read it.</summary>
    private static Value AddTo(GraphBuilder graph, string name, Value x, Value change)
    {
        using IDisposable float32 = graph.KeepFloat32();
        return graph.Add(name, x, change);
    }

    private static Value EmitFeedForward(GraphBuilder graph, T5Config config, WeightMap weights, string name, Value x)
    {
        long hidden = config.HiddenSize;
        long inner = config.FeedForwardSize;
        Value y;
        if (config.IsGated)
        {
            // FastGelu is the tanh form, which T5 means by "gelu".
            Value gate = graph.MicrosoftOp("FastGelu", $"{name}/FastGelu", [Linear.Emit(graph, $"{name}/wi_0", x, Get("wi_0", inner, hidden))]);
            Value content = Linear.Emit(graph, $"{name}/wi_1", x, Get("wi_1", inner, hidden));
            using IDisposable product = graph.KeepFloat32();
            y = graph.Mul($"{name}/Mul", gate, content);
        }
        else
        {
            y = graph.Op("Relu", $"{name}/Relu", [Linear.Emit(graph, $"{name}/wi", x, Get("wi", inner, hidden))]);
        }

        // transformers keeps this one matrix in float32 too (modeling_t5.py, _keep_in_fp32_modules).
        using IDisposable float32 = graph.KeepFloat32();
        return Linear.Emit(graph, $"{name}/wo", y, Get("wo", hidden, inner));

        Weight Get(string matrix, long rows, long columns) => Weight.From(weights.Get($"layer.1.DenseReluDense.{matrix}.weight", rows, columns));
    }
}
