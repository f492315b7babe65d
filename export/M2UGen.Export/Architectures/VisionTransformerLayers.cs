using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>What ViT and ViViT have in common behind their patches: the layers, the last norm and the learnt aggregation, under the same names.</summary>
/// <remarks>
/// <code>
/// tokens [B,N,H] ── layers × (pre-norm attention, pre-norm feed-forward) ── LayerNorm ─┬─ last_hidden_state [B,N,H]
///                                                                                      └─ learnt sum over the tokens ── feature [B,H]
/// </code>
/// Sources: arXiv:2010.11929, arXiv:2103.15691; transformers modeling_vit.py, modeling_vivit.py; reference m2ugen.py encode_image and encode_video.
/// </remarks>
internal static class VisionTransformerLayers
{
    /// <summary>Adds everything from the tokens to the output <c>feature</c>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The encoder's tensors.</param>
    /// <param name="tokens">[B, N, H] float.</param>
    /// <param name="tokenCount">N.</param>
    /// <param name="aggregation">[1, N] and [1].</param>
    public static void Emit(GraphBuilder graph, VisionTransformerConfig config, WeightMap weights, Value tokens, int tokenCount, LinearWeights aggregation)
    {
        long hidden = config.Form.HiddenSize;
        graph.Tap("embeddings", tokens, DataType.Float, "batch", tokenCount, hidden);
        Value x = tokens;
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"encoder.layer.{i}";
            x = EncoderLayer.Emit(graph, $"/encoder/layer.{i}", x, ReadLayer(config, weights.Under($"{layer}.")), config.Form);
            if (i + 1 < config.Layers)
            {
                graph.Tap($"hidden_{i + 1}", x, DataType.Float, "batch", tokenCount, hidden);
            }
        }

        x = LayerNorm.Emit(graph, "/layernorm", x, weights.Require("layernorm.weight", hidden), weights.Require("layernorm.bias", hidden), config.Form.Epsilon);
        graph.Tap("last_hidden_state", x, DataType.Float, "batch", tokenCount, hidden);
        graph.Output("feature", LearntAggregation.Emit(graph, "/aggregation", x, aggregation), DataType.Float, "batch", hidden);
    }

    private static EncoderLayerWeights ReadLayer(VisionTransformerConfig config, WeightMap weights)
    {
        long hidden = config.Form.HiddenSize;
        long inner = config.Form.FeedForwardSize;
        return new EncoderLayerWeights
        {
            AttentionNorm = Norm("layernorm_before"),
            Attention = new SelfAttentionWeights(
                Layer("attention.attention.query", hidden, hidden, config.HasQkvBias),
                Layer("attention.attention.key", hidden, hidden, config.HasQkvBias),
                Layer("attention.attention.value", hidden, hidden, config.HasQkvBias),
                Layer("attention.output.dense", hidden, hidden)),
            FeedForwardNorm = Norm("layernorm_after"),
            Up = Layer("intermediate.dense", inner, hidden),
            Down = Layer("output.dense", hidden, inner),
        };

        LinearWeights Layer(string name, long output, long input, bool hasBias = true)
            => new(weights.Require($"{name}.weight", output, input), hasBias ? weights.Require($"{name}.bias", output) : null);

        NormWeights Norm(string name) => new(weights.Require($"{name}.weight", hidden), weights.Require($"{name}.bias", hidden));
    }
}
