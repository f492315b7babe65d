using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>The decoder of an AutoencoderKL: the UNet's latents to a log-mel spectrogram. Component <c>vae-decoder</c>.</summary>
/// <remarks>
/// <code>
/// latents [B,c,Y,X] ── × 1 / scaling_factor ── post_quant_conv 1 ── conv_in 3 ── resnet ── attention ── resnet ── up ── … ── up ── norm ── act ── conv_out 3 ── mel [B,1,sY,sX]
///
/// up: resnets ── nearest × 2 ── conv 3 (the last one without)
/// </code>
/// Sources: arXiv:2112.10752; diffusers 0.21.4 autoencoder_kl.py and vae.py, Decoder.
/// </remarks>
internal static class VaeDecoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "vae-decoder";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The model's tensors: <c>post_quant_conv.weight</c>, <c>decoder.conv_in.weight</c>, …; the encoder's are not looked at.</param>
    /// <param name="options">
    /// Taps: <c>scaled</c>, <c>post_quant_conv</c>, <c>conv_in</c>, <c>mid</c>, <c>mid.resnet{j}</c>, <c>mid.attention</c>, <c>up{i}</c>, <c>up{i}.resnet{j}</c>, <c>up{i}.upsampler</c>,
    /// <c>conv_norm_out</c>, each [B,C,Y,X]; <c>mid.attention_group_norm</c> [B,C,Y·X].
    /// </param>
    public static BundlePart Create(AutoencoderKlConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        WeightMap decoder = weights.Under("decoder.");
        long latent = config.LatentChannels;
        Value latents = graph.Input("latents", DataType.Float, "batch", latent, "height", "width");
        Value x = graph.Mul("/scaled/Mul", latents, graph.FloatScalar((float)(1 / config.ScalingFactor)));
        Tap("scaled", x, latent);
        if (config.HasPostQuantConv)
        {
            x = Conv2d.EmitSame(graph, "/post_quant_conv", x, Conv2d.Read(weights, "post_quant_conv", latent, latent, 1));
            Tap("post_quant_conv", x, latent);
        }

        long channels = config.BlockChannels[^1];
        x = Conv2d.EmitSame(graph, "/conv_in", x, Conv2d.Read(decoder, "conv_in", channels, latent, 3));
        Tap("conv_in", x, channels);
        x = Middle(x);
        for (int i = 0; i < config.BlockChannels.Count; i++)
        {
            x = Up(x, i);
        }

        using (graph.KeepFloat32())
        {
            x = ResnetBlock.NormalizeAndActivate(graph, "/conv_norm_out", x, GroupNorm.Read(decoder, "conv_norm_out", channels), config.Form, NormTap(graph, x, "conv_norm_out", channels));
            x = Conv2d.EmitSame(graph, "/conv_out", x, Conv2d.Read(decoder, "conv_out", config.OutputChannels, channels, 3));
        }

        graph.Output("mel", x, DataType.Float, "batch", config.OutputChannels, "frames", "bins");
        return new BundlePart(Component, graph, new JsonObject
        {
            ["latent_channels"] = config.LatentChannels,
            ["out_channels"] = config.OutputChannels,
            ["scale_factor"] = config.ScaleFactor,
        });

        Value Middle(Value value)
        {
            value = Resnet("mid_block", "mid", 0, value, channels, channels);
            if (config.HasMidAttention)
            {
                value = MidAttention(graph, config, decoder.Under("mid_block.attentions.0."), value, channels);
                Tap("mid.attention", value, channels);
            }

            value = Resnet("mid_block", "mid", 1, value, channels, channels);
            Tap("mid", value, channels);
            return value;
        }

        Value Up(Value value, int block)
        {
            long output = config.BlockChannels[^(block + 1)];
            for (int j = 0; j < config.LayersPerBlock; j++)
            {
                value = Resnet($"up_blocks.{block}", $"up{block}", j, value, channels, output);
                channels = output;
            }

            if (block < config.BlockChannels.Count - 1)
            {
                string layer = $"up_blocks.{block}.upsamplers.0";
                string path = $"/up_blocks.{block}/upsamplers.0";
                value = Conv2d.EmitSame(graph, $"{path}/conv", NearestUpsample.Emit(graph, path, value), Conv2d.Read(decoder, $"{layer}.conv", output, output, 3));
                Tap($"up{block}.upsampler", value, output);
            }

            Tap($"up{block}", value, output);
            return value;
        }

        Value Resnet(string module, string tap, int index, Value value, long input, long output)
        {
            value = ResnetBlock.Emit(graph, $"/{module}/resnets.{index}", value, decoder.Under($"{module}.resnets.{index}."), input, output, config.Form);
            Tap($"{tap}.resnet{index}", value, output);
            return value;
        }

        void Tap(string name, Value value, long size) => graph.Tap(name, value, DataType.Float, "batch", size, $"{name}_height", $"{name}_width");
    }

    /// <summary>Taps a norm's output in its planes' shape; it costs nodes only where it is asked for.</summary>
    internal static Action<Value> NormTap(GraphBuilder graph, Value planes, string name, long channels) => flat =>
    {
        if (graph.Options.IsTapped(name))
        {
            Value value = graph.Op("Reshape", $"/taps/{name}/Reshape", [flat, graph.Op("Shape", $"/taps/{name}/Shape", [planes])]);
            graph.Output(name, value, DataType.Float, "batch", channels, $"{name}_height", $"{name}_width");
        }
    };

    /// <summary>Attention of every position to all, with one head, biases and its own norm.</summary>
    /// <remarks>
    /// <code>
    /// x [B,C,Y,X] ─┬─ GroupNorm ── Transpose [B,Y·X,C] ── self attention ── Transpose ── + ── [B,C,Y,X]
    ///              └──────────────────────────────────────────────────────────────────┘
    /// </code>
    /// Checkpoints from before diffusers 0.15 name the layers query, key, value and proj_attn. Source: diffusers 0.21.4 attention_processor.py, Attention.
    /// </remarks>
    private static Value MidAttention(GraphBuilder graph, AutoencoderKlConfig config, WeightMap weights, Value x, long channels)
    {
        const string Name = "/mid_block/attentions.0";
        Value normalized = GroupNorm.Emit(graph, $"{Name}/group_norm", x, GroupNorm.Read(weights, "group_norm", channels), config.Form.Groups, config.Form.Epsilon);
        graph.Tap("mid.attention_group_norm", normalized, DataType.Float, "batch", channels, "positions");
        Value tokens = graph.Transpose($"{Name}/Transpose_tokens", normalized, 0, 2, 1);
        SelfAttentionWeights layers = new(Layer("to_q", "query"), Layer("to_k", "key"), Layer("to_v", "value"), Layer("to_out.0", "proj_attn"));
        Value attended = SelfAttention.Emit(graph, Name, tokens, layers, heads: 1);
        Value planes = graph.Op(
            "Reshape",
            $"{Name}/planes",
            [graph.Transpose($"{Name}/Transpose_planes", attended, 0, 2, 1), graph.Op("Shape", $"{Name}/shape", [x])]);
        return graph.Add($"{Name}/Add", planes, x);

        LinearWeights Layer(string name, string oldName)
        {
            string found = !weights.Contains($"{name}.weight") && weights.Contains($"{oldName}.weight") ? oldName : name;

            // Latent diffusion's own files have 1×1 convolutions here.
            bool isConvolution = weights.ShapeOf($"{found}.weight") is { Count: 4 };
            Weight matrix = isConvolution ? weights.Require($"{found}.weight", channels, channels, 1, 1).Reshaped(channels, channels) : weights.Require($"{found}.weight", channels, channels);
            return new LinearWeights(matrix, weights.Require($"{found}.bias", channels));
        }
    }
}
