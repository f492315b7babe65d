using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>What the UNet's residual blocks add for each timestep, computed once a request for all of its steps. Component <c>unet-time</c>.</summary>
/// <remarks>
/// <code>
/// timesteps [S] ── × frequencies ─┬─ Cos ─┬─ Concat ── linear_1 ── act ── linear_2 ── act ── time_emb_proj of every residual block, side by side ── time_projections [S, sum of channels]
///                                 └─ Sin ─┘
/// </code>
/// Source: diffusers 0.21.4 embeddings.py, Timesteps and TimestepEmbedding; resnet.py, ResnetBlock2D.
/// </remarks>
internal static class UNetTimeGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "unet-time";

    private const double LongestPeriod = 10000;

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The UNet's tensors.</param>
    /// <param name="options">Taps: <c>time_proj</c> [S, TimeChannels], <c>time_embedding</c> [S, TimeWidth].</param>
    public static BundlePart Create(UNetConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        UNetLayout layout = new(config);
        Value timesteps = graph.Input("timesteps", DataType.Float, "steps");
        (Value cosines, Value sines) = Waves(graph, config, timesteps);
        Value waves = config.HasCosinesFirst ? graph.Concat("/time_proj/Concat", 1, cosines, sines) : graph.Concat("/time_proj/Concat", 1, sines, cosines);
        if (config.TimeChannels % 2 == 1)
        {
            waves = graph.Op("Pad", "/time_proj/Pad", [waves, graph.Int64s(0, 0, 0, 1)], ("mode", "constant"));
        }

        graph.Tap("time_proj", waves, DataType.Float, "steps", config.TimeChannels);
        Value x = Layer("linear_1", waves, config.TimeChannels);
        x = Activations.Emit(graph, "/time_embedding/act_1", x, config.Form.Activation);
        x = Layer("linear_2", x, config.TimeWidth);
        graph.Tap("time_embedding", x, DataType.Float, "steps", config.TimeWidth);
        x = Activations.Emit(graph, "/time_embedding/act_2", x, config.Form.Activation);
        Weight matrices = Weight.Stack("time_emb_proj", [.. layout.Resnets.Select(resnet => weights.Require($"{resnet.Module}.time_emb_proj.weight", resnet.Channels, config.TimeWidth))]);
        Weight biases = Weight.Stack("time_emb_proj bias", [.. layout.Resnets.Select(resnet => weights.Require($"{resnet.Module}.time_emb_proj.bias", resnet.Channels))]);
        Value projections = Linear.Emit(graph, "/time_emb_proj", x, matrices, biases);
        graph.Output("time_projections", projections, DataType.Float, "steps", layout.TimeProjectionWidth);
        return new BundlePart(Component, graph, new JsonObject { ["time_projection_width"] = layout.TimeProjectionWidth });

        Value Layer(string name, Value input, long width) => Linear.Emit(
            graph,
            $"/time_embedding/{name}",
            input,
            weights.Require($"time_embedding.{name}.weight", config.TimeWidth, width),
            weights.Require($"time_embedding.{name}.bias", config.TimeWidth));
    }

    private static (Value Cosines, Value Sines) Waves(GraphBuilder graph, UNetConfig config, Value timesteps)
    {
        // Angles of up to a thousand radians.
        using IDisposable float32 = graph.KeepFloat32();
        Value angles = graph.Mul("/time_proj/Mul", graph.Unsqueeze("/time_proj/Unsqueeze", timesteps, 1), graph.Floats(Frequencies(config)));
        return (graph.Op("Cos", "/time_proj/Cos", [angles]), graph.Op("Sin", "/time_proj/Sin", [angles]));
    }

    /// <summary>exp(-ln(10000) i / (half - shift)), step by step in float32 as the reference computes it: a timestep of 1000 makes the last bit visible.</summary>
    private static float[] Frequencies(UNetConfig config)
    {
        int half = config.TimeChannels / 2;
        float[] frequencies = new float[half];
        for (int i = 0; i < half; i++)
        {
            float exponent = (float)-Math.Log(LongestPeriod) * i / (half - config.FrequencyShift);
            frequencies[i] = (float)Math.Exp(exponent);
        }

        return frequencies;
    }
}
