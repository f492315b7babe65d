using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>HTSAT's patches, and for models with feature fusion what three chunks of a long clip add to them.</summary>
/// <remarks>
/// <code>
/// image [B,c,S,S] ─┬─ first ── Conv ─────────────────────────────────────────┬── fuse where is_longer ── [B,P,C] ── LayerNorm
///                  └─ others ── Conv, three times as wide, side by side ── zeros up to the width ─┘
///
/// fuse(x, y) = 2 x a + 2 y (1 - a),  a = σ( local(x + y) + global(mean of x + y) )       local, global: Conv 1 ── BatchNorm ── Relu ── Conv 1 ── BatchNorm
/// </code>
/// Sources: arXiv:2211.06687, arXiv:2009.14082; transformers modeling_clap.py, ClapAudioPatchEmbed and ClapAudioAFFBlock.
/// </remarks>
internal static class HtsatPatches
{
    /// <summary>Adds the patches. Taps: <c>mel_conv2d</c> [B·3,C,rows,columns], <c>fusion</c> [B,C,rows,columns], <c>patch_embed</c> [B,P,C].</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The tensors below <c>patch_embed.</c>.</param>
    /// <param name="image">[B, channels, S, S] float.</param>
    /// <param name="isLonger">[B, 1] bool for models with fusion.</param>
    /// <returns>[B, rows · columns, C] float.</returns>
    public static Value Emit(GraphBuilder graph, ClapAudioConfig config, WeightMap weights, Value image, Value isLonger)
    {
        long width = config.PatchWidth;
        Value whole = config.HasFusion ? graph.Slice("/patch_embed/whole", image, 0, 1, 1) : image;
        Value x = Conv(graph, config, weights, "proj", whole, 1);
        if (config.HasFusion)
        {
            Value fused = Fuse(graph, config, weights.Under("fusion_model."), x, Local(graph, config, weights, image));
            x = graph.Op("Where", "/patch_embed/Where", [graph.Op("Unsqueeze", "/patch_embed/longer", [isLonger, graph.Int64s(2, 3)]), fused, x]);
            graph.Tap("fusion", x, DataType.Float, "batch", width, config.GridRows, config.GridColumns);
        }

        x = graph.Transpose("/patch_embed/Transpose", graph.Reshape("/patch_embed/Reshape", x, 0, width, -1), 0, 2, 1);
        if (config.HasPatchNorm)
        {
            x = LayerNorm.Emit(graph, "/patch_embed/norm", x, weights.Require("norm.weight", width), weights.Require("norm.bias", width));
        }

        graph.Tap("patch_embed", x, DataType.Float, "batch", config.GridRows * config.GridColumns, width);
        return x;
    }

    /// <summary>The chunks' patches side by side, zeros behind them.</summary>
    private static Value Local(GraphBuilder graph, ClapAudioConfig config, WeightMap weights, Value image)
    {
        int chunks = config.Channels - 1;
        long width = config.PatchWidth;
        long size = config.ImageSize;
        Value others = graph.Reshape("/patch_embed/chunks", graph.Slice("/patch_embed/others", image, 1, config.Channels, 1), -1, 1, size, size);
        Value x = Conv(graph, config, weights, "mel_conv2d", others, chunks);
        int columns = config.ChunkColumns;
        graph.Tap("mel_conv2d", x, DataType.Float, "chunks", width, config.GridRows, columns);
        x = graph.Transpose("/patch_embed/side_by_side", graph.Reshape("/patch_embed/of_clip", x, -1, chunks, width, config.GridRows, columns), 0, 2, 3, 1, 4);
        x = graph.Reshape("/patch_embed/joined", x, 0, width, config.GridRows, chunks * columns);
        return graph.Op("Pad", "/patch_embed/Pad", [x, graph.Int64s(0, 0, 0, 0, 0, 0, 0, config.GridColumns - (chunks * columns))]);
    }

    private static Value Fuse(GraphBuilder graph, ClapAudioConfig config, WeightMap weights, Value x, Value y)
    {
        const string Name = "/patch_embed/fusion_model";
        Value sum = graph.Add($"{Name}/sum", x, y);
        Value mean = graph.Op("GlobalAveragePool", $"{Name}/mean", [sum]);
        Value share = graph.Op("Sigmoid", $"{Name}/Sigmoid", [graph.Add($"{Name}/Add", Branch("local_att", sum, 0), Branch("global_att", mean, 1))]);

        // 2 x a + 2 y (1 - a) = 2 (y + (x - y) a)
        Value moved = graph.Mul($"{Name}/moved", graph.Sub($"{Name}/difference", x, y), share);
        return graph.Mul($"{Name}/fused", graph.Add($"{Name}/mixed", y, moved), graph.FloatScalar(2));

        // The global branch has its pooling as first part, so its layers count from one.
        Value Branch(string branch, Value input, int first)
        {
            long width = config.PatchWidth;
            long inner = width / config.FusionRatio;
            Value z = Layer(branch, first, input, inner, width);
            return Layer(branch, first + 3, graph.Op("Relu", $"{Name}/{branch}/Relu", [z]), width, inner);
        }

        Value Layer(string branch, int at, Value input, long output, long size)
        {
            LinearWeights layer = BatchNorm.Fold(Conv2d.Read(weights, $"{branch}.{at}", output, size, 1), BatchNorm.Read(weights.Under($"{branch}.{at + 1}."), output));
            return Conv2d.EmitSame(graph, $"{Name}/{branch}.{at}", input, layer);
        }
    }

    /// <summary>A convolution of patches; <paramref name="wider"/> times as wide and as far apart.</summary>
    private static Value Conv(GraphBuilder graph, ClapAudioConfig config, WeightMap weights, string layer, Value x, int wider)
    {
        (long up, long left) = Padding(config);
        string name = $"/patch_embed/{layer}";
        return graph.Op(
            "Conv",
            $"{name}/Conv",
            [
                x,
                graph.Weight($"patch_embed.{layer}.weight", weights.Require($"{layer}.weight", config.PatchWidth, 1, config.PatchSize, wider * config.PatchSize)),
                graph.Weight($"patch_embed.{layer}.bias", weights.Require($"{layer}.bias", config.PatchWidth)),
            ],
            ("kernel_shape", new long[] { config.PatchSize, wider * config.PatchSize }),
            ("strides", new long[] { config.PatchStride.Rows, wider * config.PatchStride.Columns }),
            ("pads", new long[] { up, left, up, left }));
    }

    private static (int Up, int Left) Padding(ClapAudioConfig config)
        => ((config.PatchSize - config.PatchStride.Rows) / 2, (config.PatchSize - config.PatchStride.Columns) / 2);
}
