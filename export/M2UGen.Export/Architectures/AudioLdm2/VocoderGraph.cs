using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>SpeechT5's HiFi-GAN: a log-mel spectrogram to its waveform. Component <c>vocoder</c>.</summary>
/// <remarks>
/// <code>
/// mel [B,T,bins] ── ((x - mean) / scale) ── Transpose ── Conv 7 ─┬─ stage ── stage ── … ── LeakyRelu(0.01) ── Conv 7 ── Tanh ── waveform [B,n]
///
/// stage:  LeakyRelu ── ConvTranspose(rate) ─┬─ block ─┬─ mean          block:  for each dilation
///                                           ├─ block ─┤                x ─┬─ LeakyRelu ── Conv(dilation) ── LeakyRelu ── Conv ── + ──
///                                           └─ block ─┘                   └────────────────────────────────────────────────────────┘
/// </code>
/// The last rectifier has torch's default slope, not the configuration's. Published rates give n = 160 T + 32 samples.
/// Sources: arXiv:2010.05646; transformers modeling_speecht5.py, SpeechT5HifiGan.
/// </remarks>
internal static class VocoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "vocoder";

    // Of the convolutions at both ends, whatever the configuration says.
    private const int EndKernel = 7;

    // torch's default for leaky_relu.
    private const float LastSlope = 0.01f;

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The model's tensors: <c>conv_pre.weight</c>, <c>upsampler.0.weight</c>, <c>resblocks.0.convs1.0.weight</c>, …; with or without weight norm.</param>
    /// <param name="options">Taps: <c>conv_pre</c>, <c>upsampler{i}</c>, <c>resblock{i}_{j}</c>, <c>before_conv_post</c>, <c>conv_post</c>, each [B, C, length].</param>
    public static BundlePart Create(HifiGanConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        Value mel = graph.Input("mel", DataType.Float, "batch", "frames", config.MelBins);
        Value x = mel;
        if (config.NormalizesInput)
        {
            x = graph.Sub("/mean/Sub", x, graph.Weight("mean", weights.Require("mean", config.MelBins)));
            x = graph.Div("/scale/Div", x, graph.Weight("scale", weights.Require("scale", config.MelBins)));
        }

        x = graph.Transpose("/Transpose", x, 0, 2, 1);
        x = Conv(graph, weights, "conv_pre", x, config.MelBins, config.InitialChannels, EndKernel, 1);
        graph.Tap("conv_pre", x, DataType.Float, "batch", config.InitialChannels, "frames");
        for (int stage = 0; stage < config.Rates.Count; stage++)
        {
            x = Upsample(graph, config, weights, stage, x);
            x = Blocks(graph, config, weights, stage, x);
        }

        // What is rounded here is heard: 11 bits are a noise floor of 66 dB.
        using IDisposable float32 = graph.KeepFloat32();
        x = graph.Op("LeakyRelu", "/conv_post/LeakyRelu", [x], ("alpha", LastSlope));
        int last = config.ChannelsAfter(config.Rates.Count - 1);
        graph.Tap("before_conv_post", x, DataType.Float, "batch", last, "samples");
        x = Conv(graph, weights, "conv_post", x, last, 1, EndKernel, 1);
        graph.Tap("conv_post", x, DataType.Float, "batch", 1, "samples");
        graph.Output("waveform", graph.Squeeze("/Squeeze", graph.Op("Tanh", "/Tanh", [x]), 1), DataType.Float, "batch", "samples");
        return new BundlePart(Component, graph, new JsonObject
        {
            ["mel_bins"] = config.MelBins,
            ["sampling_rate"] = config.SampleRate,
            ["samples_per_frame"] = config.SamplesPerFrame,
            ["extra_samples"] = config.ExtraSamples,
        });
    }

    private static Value Upsample(GraphBuilder graph, HifiGanConfig config, WeightMap weights, int stage, Value x)
    {
        string layer = $"upsampler.{stage}";
        long kernel = config.Kernels[stage];
        long cut = (kernel - config.Rates[stage]) / 2;
        long channels = config.ChannelsAfter(stage);
        Value y = graph.Op(
            "ConvTranspose",
            $"/{layer}/ConvTranspose",
            [
                Leaky(graph, config, $"/{layer}", x),
                graph.Weight($"{layer}.weight", Weight.From(WeightNorm.Get(weights, layer, normDim: 0, [config.ChannelsAfter(stage - 1), channels, kernel]))),
                graph.Weight($"{layer}.bias", weights.Require($"{layer}.bias", channels)),
            ],
            ("kernel_shape", new long[] { kernel }),
            ("strides", new long[] { config.Rates[stage] }),
            ("pads", new long[] { cut, cut }));
        graph.Tap($"upsampler{stage}", y, DataType.Float, "batch", channels, $"length_{stage}");
        return y;
    }

    /// <summary>The mean of a stage's residual blocks.</summary>
    private static Value Blocks(GraphBuilder graph, HifiGanConfig config, WeightMap weights, int stage, Value x)
    {
        int channels = config.ChannelsAfter(stage);
        int count = config.BlockKernels.Count;
        Value sum = Value.None;
        for (int block = 0; block < count; block++)
        {
            string path = $"resblocks.{(stage * count) + block}";
            Value y = x;
            for (int i = 0; i < config.BlockDilations[block].Count; i++)
            {
                Value inner = Leaky(graph, config, $"/{path}/convs1.{i}", y);
                inner = Conv(graph, weights, $"{path}.convs1.{i}", inner, channels, channels, config.BlockKernels[block], config.BlockDilations[block][i]);
                inner = Leaky(graph, config, $"/{path}/convs2.{i}", inner);
                inner = Conv(graph, weights, $"{path}.convs2.{i}", inner, channels, channels, config.BlockKernels[block], 1);
                y = graph.Add($"/{path}/Add_{i}", inner, y);
            }

            graph.Tap($"resblock{stage}_{block}", y, DataType.Float, "batch", channels, $"length_{stage}");
            sum = sum.IsNone ? y : graph.Add($"/{path}/Add", sum, y);
        }

        return graph.Mul($"/stage_{stage}/Mul", sum, graph.FloatScalar(1f / count));
    }

    private static Value Leaky(GraphBuilder graph, HifiGanConfig config, string name, Value x) => graph.Op("LeakyRelu", $"{name}/LeakyRelu", [x], ("alpha", config.LeakySlope));

    /// <summary>A convolution that keeps the length.</summary>
    private static Value Conv(GraphBuilder graph, WeightMap weights, string layer, Value x, long input, long output, long kernel, long dilation)
    {
        long padding = dilation * (kernel - 1) / 2;
        return graph.Op(
            "Conv",
            $"/{layer.Replace(".convs", "/convs", StringComparison.Ordinal)}/Conv",
            [
                x,
                graph.Weight($"{layer}.weight", Weight.From(WeightNorm.Get(weights, layer, normDim: 0, [output, input, kernel]))),
                graph.Weight($"{layer}.bias", weights.Require($"{layer}.bias", output)),
            ],
            ("kernel_shape", new long[] { kernel }),
            ("dilations", new long[] { dilation }),
            ("pads", new long[] { padding, padding }));
    }
}
