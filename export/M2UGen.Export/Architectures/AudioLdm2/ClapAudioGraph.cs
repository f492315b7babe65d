using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>CLAP's audio tower, HTSAT: a log-mel spectrogram to the sound's embedding. Component <c>clap-audio</c>.</summary>
/// <remarks>
/// <code>
/// input_features [B,c,T,F] ── BatchNorm a bin ── cubic stretch of T to S·r ── fold r pieces of time above one another [B,c,S,S] ── patches ── stages
///   ── LayerNorm ── mean over positions ── projection ── audio_embeds [B,p]
/// </code>
/// c is 1, or 4 for models with feature fusion, which also take is_longer [B,1].
/// Sources: arXiv:2202.00874, arXiv:2211.06687; transformers modeling_clap.py, ClapAudioEncoder.
/// </remarks>
internal static class ClapAudioGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "clap-audio";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes of both towers.</param>
    /// <param name="weights">The model's tensors: <c>audio_model.audio_encoder.…</c>, <c>audio_projection.…</c>, <c>logit_scale_a</c>, <c>logit_scale_t</c>.</param>
    /// <param name="options">
    /// Taps: <c>batch_norm</c> [B,c,T,F], <c>image</c> [B,c,S,S], <c>norm</c> [B,P,C], <c>pooled</c> [B,C], <c>projected</c> [B,p]; see <see cref="HtsatPatches"/> and <see cref="HtsatStages"/>.
    /// </param>
    public static BundlePart Create(ClapConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        ClapAudioConfig audio = config.Audio;
        WeightMap encoder = weights.Under("audio_model.audio_encoder.");
        Value features = graph.Input("input_features", DataType.Float, "batch", audio.Channels, "frames", audio.MelBins);
        Value isLonger = audio.HasFusion ? graph.Input("is_longer", DataType.Bool, "batch", 1) : Value.None;
        Value x = Normalize(graph, features, BatchNorm.Read(encoder.Under("batch_norm."), audio.MelBins));
        graph.Tap("batch_norm", x, DataType.Float, "batch", audio.Channels, "frames", audio.MelBins);
        x = Fold(graph, audio, CubicStretch.Emit(graph, "/stretch", x, audio.StretchedFrames));
        graph.Tap("image", x, DataType.Float, "batch", audio.Channels, audio.ImageSize, audio.ImageSize);
        x = HtsatPatches.Emit(graph, audio, encoder.Under("patch_embed."), x, isLonger);
        x = new HtsatStages(graph, audio, encoder, graph.Dimension("/batch", features, 0)).Emit(x);
        long width = audio.OutputWidth;
        x = LayerNorm.Emit(graph, "/norm", x, encoder.Require("norm.weight", width), encoder.Require("norm.bias", width));
        graph.Tap("norm", x, DataType.Float, "batch", audio.Positions, width);

        // The reference reorders the positions before it takes their mean.
        Value pooled = graph.Op("ReduceMean", "/pooled/ReduceMean", [x], ("axes", new long[] { 1 }), ("keepdims", 0));
        graph.Tap("pooled", pooled, DataType.Float, "batch", width);
        Value embedding = ClapProjection.Emit(graph, "/audio_projection", pooled, weights.Under("audio_projection."), width, config.ProjectionSize, config.ProjectionActivation);
        graph.Output("audio_embeds", embedding, DataType.Float, "batch", config.ProjectionSize);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["channels"] = audio.Channels,
            ["mel_bins"] = audio.MelBins,
            ["max_frames"] = audio.StretchedFrames,
            ["width"] = config.ProjectionSize,
            ["text_logit_scale"] = LogitScale(weights, "logit_scale_t"),
            ["audio_logit_scale"] = LogitScale(weights, "logit_scale_a"),
        });
    }

    private static Value Normalize(GraphBuilder graph, Value features, NormWeights norm)
    {
        // Decibels of silence lie at -100, and the stretch behind this is in float32 anyway.
        using IDisposable float32 = graph.KeepFloat32();
        Value x = graph.Mul("/batch_norm/Mul", features, graph.Weight("batch_norm.weight", norm.Weight));
        return graph.Add("/batch_norm/Add", x, graph.Weight("batch_norm.bias", norm.Bias));
    }

    /// <summary>[B, c, S·r, F] to [B, c, r·F, S].</summary>
    private static Value Fold(GraphBuilder graph, ClapAudioConfig config, Value x)
    {
        Value pieces = graph.Reshape("/fold/pieces", x, 0, config.Channels * config.FoldRatio, config.ImageSize, config.MelBins);
        return graph.Reshape("/fold/Reshape", graph.Transpose("/fold/Transpose", pieces, 0, 1, 3, 2), 0, config.Channels, config.ImageSize, config.ImageSize);
    }

    /// <summary>The factor of the scores: e to the stored number, which is read at once, being one number.</summary>
    private static double LogitScale(WeightMap weights, string name)
    {
        CheckpointTensor stored = weights.Get(name);
        if (stored.ElementCount != 1)
        {
            throw new CheckpointException(weights.SourcePath, $"'{name}' has {stored.ElementCount} elements; expected one number.");
        }

        double scale = Math.Exp(stored.ReadFloat32()[0]);
        return double.IsFinite(scale) ? scale : throw new CheckpointException(weights.SourcePath, $"'{name}' is {stored.ReadFloat32()[0]}, of which no finite factor can be made.");
    }
}
