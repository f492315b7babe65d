using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>ViT with M2UGen's learnt aggregation: a picture's pixels to its feature. Component <c>vit</c>.</summary>
/// <remarks>
/// <code>
/// pixel_values [B,C,S,S] ── patches + class token + positions [B,N,H] ── pre-norm layers ── LayerNorm ── learnt sum over the tokens ── feature [B,H]
/// </code>
/// The feature is not yet of length one: that follows in C#. The pooler and classifier that checkpoints may hold are not used.
/// Sources: arXiv:2010.11929; transformers modeling_vit.py, ViTModel; reference m2ugen.py, encode_image.
/// </remarks>
internal static class VitGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "vit";

    /// <summary>The aggregation's name in an M2UGen checkpoint.</summary>
    public const string AggregationName = "iu_vit_agg";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The encoder's tensors: <c>embeddings.cls_token</c>, <c>encoder.layer.0.…</c>.</param>
    /// <param name="aggregation">[1, N] and [1], N the patches and the class token (<see cref="LearntAggregation.Read"/>).</param>
    /// <param name="options">Taps: <c>patch_embeddings</c> [B,N-1,H], <c>embeddings</c>, <c>hidden_{i}</c> (behind layer i), <c>last_hidden_state</c> [B,N,H].</param>
    public static BundlePart Create(VitConfig config, WeightMap weights, LinearWeights aggregation, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        VisionTransformerConfig transformer = config.Transformer;
        long hidden = transformer.Form.HiddenSize;
        Value pixels = graph.Input("pixel_values", DataType.Float, "batch", transformer.Channels, transformer.ImageSize, transformer.ImageSize);
        LinearWeights projection = new(
            weights.Require("embeddings.patch_embeddings.projection.weight", hidden, transformer.Channels, config.PatchSize, config.PatchSize),
            weights.Require("embeddings.patch_embeddings.projection.bias", hidden));
        (Value tokens, Value patches) = PatchEmbedding.Emit(
            graph,
            pixels,
            projection,
            weights.Require("embeddings.cls_token", 1, 1, hidden),
            weights.Require("embeddings.position_embeddings", 1, config.TokenCount, hidden),
            config.PatchCount);
        graph.Tap("patch_embeddings", patches, DataType.Float, "batch", config.PatchCount, hidden);
        VisionTransformerLayers.Emit(graph, transformer, weights, tokens, config.TokenCount, aggregation);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["hidden_size"] = hidden,
            ["layers"] = transformer.Layers,
            ["heads"] = transformer.Form.Heads,
            ["feed_forward_size"] = transformer.Form.FeedForwardSize,
            ["channels"] = transformer.Channels,
            ["image_size"] = transformer.ImageSize,
            ["tokens"] = config.TokenCount,
        });
    }
}
