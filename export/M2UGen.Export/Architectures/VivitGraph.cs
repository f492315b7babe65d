using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>ViViT (factorised neither in space nor in time) with M2UGen's learnt aggregation: a film's frames to its feature. Component <c>vivit</c>.</summary>
/// <remarks>
/// <code>
/// pixel_values [B,F,C,S,S] ── Transpose [B,C,F,S,S] ── tubelets + class token + positions [B,N,H] ── pre-norm layers ── LayerNorm ── learnt sum over the tokens ── feature [B,H]
/// </code>
/// The feature is not yet of length one: that follows in C#. The pooler and classifier that checkpoints may hold are not used.
/// Sources: arXiv:2103.15691, model 1; transformers modeling_vivit.py, VivitModel; reference m2ugen.py, encode_video.
/// </remarks>
internal static class VivitGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "vivit";

    /// <summary>The aggregation's name in an M2UGen checkpoint.</summary>
    public const string AggregationName = "iu_vivit_agg";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The encoder's tensors: <c>embeddings.cls_token</c>, <c>encoder.layer.0.…</c>.</param>
    /// <param name="aggregation">[1, N] and [1], N the tubelets and the class token (<see cref="LearntAggregation.Read"/>).</param>
    /// <param name="options">Taps: <c>patch_embeddings</c> [B,N-1,H] (frames, then rows, then columns), <c>embeddings</c>, <c>hidden_{i}</c> (behind layer i), <c>last_hidden_state</c> [B,N,H].</param>
    public static BundlePart Create(VivitConfig config, WeightMap weights, LinearWeights aggregation, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        VisionTransformerConfig transformer = config.Transformer;
        long hidden = transformer.Form.HiddenSize;
        Value pixels = graph.Input("pixel_values", DataType.Float, "batch", config.Frames, transformer.Channels, transformer.ImageSize, transformer.ImageSize);
        LinearWeights projection = new(
            weights.Require("embeddings.patch_embeddings.projection.weight", hidden, transformer.Channels, config.Tubelet[0], config.Tubelet[1], config.Tubelet[2]),
            weights.Require("embeddings.patch_embeddings.projection.bias", hidden));
        (Value tokens, Value patches) = PatchEmbedding.Emit(
            graph,
            graph.Transpose("/embeddings/Transpose", pixels, 0, 2, 1, 3, 4),
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
            ["frames"] = config.Frames,
            ["channels"] = transformer.Channels,
            ["image_size"] = transformer.ImageSize,
            ["tokens"] = config.TokenCount,
        });
    }
}
