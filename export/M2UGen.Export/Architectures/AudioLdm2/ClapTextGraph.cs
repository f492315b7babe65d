using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>CLAP's text tower, a RoBERTa: token ids to the text's embedding. Component <c>clap-text</c>.</summary>
/// <remarks>
/// <code>
/// input_ids [B,n] ─┬─ word ──────────────────────────────── + ── LayerNorm ── post-norm layers ── first token ── Linear ── Tanh ── projection ── text_embeds [B,p]
///                  └─ ≠ pad ── CumSum ── + pad ── position ─┘                       │
/// attention_mask [B,n] ─────────────────────────────────────────────────────────────┘
/// </code>
/// Positions count the tokens that are not padding, from the padding's id + 1 on. Token types are all 0: their row is added to the positions' at export.
/// Sources: arXiv:1907.11692, arXiv:2211.06687; transformers modeling_clap.py, ClapTextModel.
/// </remarks>
internal static class ClapTextGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "clap-text";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes of both towers.</param>
    /// <param name="weights">The model's tensors: <c>text_model.embeddings.…</c>, <c>text_projection.…</c>.</param>
    /// <param name="options">Taps: <c>embeddings</c>, <c>hidden_{i}</c> (behind layer i), <c>last_hidden_state</c>, each [B,n,H]; <c>pooled</c> [B,H], <c>projected</c> [B,p].</param>
    public static BundlePart Create(ClapConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        ClapTextConfig text = config.Text;
        long hidden = text.Form.HiddenSize;
        WeightMap tower = weights.Under("text_model.");
        Value ids = graph.Input("input_ids", DataType.Int64, "batch", "tokens");
        Value mask = graph.Input("attention_mask", DataType.Int64, "batch", "tokens");
        Value x = Embed(graph, text, tower.Under("embeddings."), ids);
        graph.Tap("embeddings", x, DataType.Float, "batch", "tokens", hidden);
        Value visible = graph.Cast("/encoder/mask", mask, DataType.Int32);
        for (int i = 0; i < text.Layers; i++)
        {
            x = EncoderLayer.Emit(graph, $"/encoder/layer.{i}", x, ReadLayer(text.Form, tower.Under($"encoder.layer.{i}.")), text.Form, visible);
            graph.Tap(i + 1 < text.Layers ? $"hidden_{i + 1}" : "last_hidden_state", x, DataType.Float, "batch", "tokens", hidden);
        }

        Value first = graph.Gather("/pooler/first", x, graph.Int64Scalar(0), axis: 1);
        Value pooled = Linear.Emit(graph, "/pooler/dense", first, tower.Require("pooler.dense.weight", hidden, hidden), tower.Require("pooler.dense.bias", hidden));
        pooled = graph.Op("Tanh", "/pooler/Tanh", [pooled]);
        graph.Tap("pooled", pooled, DataType.Float, "batch", hidden);
        Value embedding = ClapProjection.Emit(graph, "/text_projection", pooled, weights.Under("text_projection."), hidden, config.ProjectionSize, config.ProjectionActivation);
        graph.Output("text_embeds", embedding, DataType.Float, "batch", config.ProjectionSize);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["layers"] = text.Layers,
            ["heads"] = text.Form.Heads,
            ["hidden_size"] = text.Form.HiddenSize,
            ["vocab_size"] = text.VocabularySize,
            ["pad_token_id"] = text.PadTokenId,
            ["max_tokens"] = text.MaxTokens,
            ["width"] = config.ProjectionSize,
        });
    }

    private static Value Embed(GraphBuilder graph, ClapTextConfig config, WeightMap weights, Value ids)
    {
        long hidden = config.Form.HiddenSize;
        Value pad = graph.Int64Scalar(config.PadTokenId);
        Value isText = graph.Cast("/embeddings/is_text", graph.Op("Not", "/embeddings/Not", [graph.Op("Equal", "/embeddings/Equal", [ids, pad])]), DataType.Int64);
        Value counted = graph.Mul("/embeddings/counted", graph.Op("CumSum", "/embeddings/CumSum", [isText, graph.Int64Scalar(1)]), isText);
        Value words = Embedding.Emit(graph, "/embeddings/word_embeddings", ids, weights.Require("word_embeddings.weight", config.VocabularySize, hidden));
        Weight positions = AddFirstRow(
            weights.Require("position_embeddings.weight", config.Positions, hidden),
            weights.Require("token_type_embeddings.weight", config.TokenTypes, hidden));
        Value places = Embedding.Emit(graph, "/embeddings/position_embeddings", graph.Add("/embeddings/positions", counted, pad), positions);
        Value sum = graph.Add("/embeddings/Add", words, places);
        return LayerNorm.Emit(graph, "/embeddings/LayerNorm", sum, weights.Require("LayerNorm.weight", hidden), weights.Require("LayerNorm.bias", hidden), config.Form.Epsilon);
    }

    /// <summary>Adds the first row of <paramref name="other"/> to every row of <paramref name="table"/>.</summary>
    private static Weight AddFirstRow(Weight table, Weight other) => new(table.Name, table.Shape, () =>
    {
        float[] sum = table.Load();
        ReadOnlySpan<float> row = other.Load().AsSpan(0, (int)other.Shape[1]);
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += row[i % row.Length];
        }

        return sum;
    });

    private static EncoderLayerWeights ReadLayer(EncoderLayerForm form, WeightMap weights)
    {
        long hidden = form.HiddenSize;
        return new EncoderLayerWeights
        {
            Attention = new SelfAttentionWeights(
                Layer("attention.self.query", hidden, hidden),
                Layer("attention.self.key", hidden, hidden),
                Layer("attention.self.value", hidden, hidden),
                Layer("attention.output.dense", hidden, hidden)),
            AttentionNorm = Norm("attention.output.LayerNorm"),
            Up = Layer("intermediate.dense", form.FeedForwardSize, hidden),
            Down = Layer("output.dense", hidden, form.FeedForwardSize),
            FeedForwardNorm = Norm("output.LayerNorm"),
        };

        LinearWeights Layer(string name, long output, long input) => new(weights.Require($"{name}.weight", output, input), weights.Require($"{name}.bias", output));

        NormWeights Norm(string name) => new(weights.Require($"{name}.weight", hidden), weights.Require($"{name}.bias", hidden));
    }
}
