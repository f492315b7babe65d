using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>MERT with M2UGen's learnt aggregation: a waveform to its feature. Component <c>mert</c>.</summary>
/// <remarks>
/// <code>
/// input_values [B,n] ── strided convolutions [B,T,C] ── LayerNorm ── Linear ── projected [B,T,H] ── + positional convolution ─ (post-norm: LayerNorm) ── hidden 0
/// hidden 0 ── layers ── hidden 1 … hidden L (pre-norm: LayerNorm behind the last)
/// hidden 0 … L ── mean over time ── [B,L+1,H] ─┬─ learnt sum over the states ── feature [B,H]
///                                              └─ mean over the states ── learnt sum ── feature_over_states [B,H]
/// </code>
/// Any n from the convolutions' reach on (400 samples in published models). The norms of the first convolution run over all samples given, so windows stay apart.
/// <c>feature_over_states</c> is what the reference computes where there is one frame only: its <c>squeeze()</c> then takes away the time axis, and the mean runs over the
/// states (docs/fidelity.md). The features are not yet of length one: that follows in C#.
/// Sources: arXiv:2306.00107; transformers modeling_hubert.py, HubertModel; modeling_MERT.py of the published checkpoints; reference m2ugen.py, encode_audio.
/// </remarks>
internal static class MertGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "mert";

    /// <summary>The aggregation's name in an M2UGen checkpoint.</summary>
    public const string AggregationName = "mu_mert_agg";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes and forms.</param>
    /// <param name="weights">The encoder's tensors: <c>feature_extractor.conv_layers.0.conv.weight</c>, <c>encoder.layers.0.…</c>.</param>
    /// <param name="aggregation">[1, states] and [1] (<see cref="LearntAggregation.Read"/>).</param>
    /// <param name="options">Taps: <c>conv_features</c> [B,T,C], <c>projected</c> [B,T,H], <c>hidden_{i}</c> [B,T,H], <c>means</c> [B,states,H].</param>
    public static BundlePart Create(MertConfig config, WeightMap weights, LinearWeights aggregation, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        long hidden = config.Form.HiddenSize;
        Value samples = graph.Input("input_values", DataType.Float, "batch", "samples");
        Value x = MertFeatureExtractor.Emit(graph, config, weights, samples);
        Value[] means = EmitEncoder(graph, config, weights, x);
        Value states = graph.Concat("/means", 1, means);
        graph.Tap("means", states, DataType.Float, "batch", config.States, hidden);
        graph.Output("feature", LearntAggregation.Emit(graph, "/aggregation", states, aggregation), DataType.Float, "batch", hidden);
        graph.Output("feature_over_states", EmitOverStates(graph, states, aggregation), DataType.Float, "batch", hidden);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["hidden_size"] = hidden,
            ["layers"] = config.Layers,
            ["heads"] = config.Form.Heads,
            ["feed_forward_size"] = config.Form.FeedForwardSize,
            ["states"] = config.States,
            ["sample_rate"] = config.SampleRate,
            ["min_samples"] = config.MinSamples,
            ["max_samples_of_one_frame"] = config.SamplesOf(2) - 1,
            ["conv_channels"] = new JsonArray([.. config.Convolutions.Select(conv => JsonValue.Create(conv.Channels))]),
            ["conv_kernel"] = new JsonArray([.. config.Convolutions.Select(conv => JsonValue.Create(conv.Kernel))]),
            ["conv_stride"] = new JsonArray([.. config.Convolutions.Select(conv => JsonValue.Create(conv.Stride))]),
            ["positional_kernel"] = config.PositionalKernel,
            ["positional_groups"] = config.PositionalGroups,
        });
    }

    /// <summary>Positions, layers and the hidden states' means over time, each [B, 1, H].</summary>
    private static Value[] EmitEncoder(GraphBuilder graph, MertConfig config, WeightMap weights, Value x)
    {
        const string Positional = "encoder.pos_conv_embed.conv";
        EncoderLayerForm form = config.Form;
        long hidden = form.HiddenSize;

        // Weight norm over dimension 2: one magnitude a tap.
        Weight kernel = Weight.From(WeightNorm.Get(weights, Positional, normDim: 2, [hidden, hidden / config.PositionalGroups, config.PositionalKernel]));
        Value positions = PositionalConv.Emit(graph, "/encoder/pos_conv_embed", x, kernel, weights.Require($"{Positional}.bias", hidden), config.PositionalGroups, config.ConvActivation);
        x = graph.Add("/encoder/Add", x, positions);
        if (!form.IsPreNorm)
        {
            x = Normalize(x);
        }

        Value[] means = new Value[config.States];
        means[0] = Mean(0, x);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"encoder.layers.{i}";
            x = EncoderLayer.Emit(graph, $"/encoder/layers.{i}", x, ReadLayer(form, weights.Under($"{layer}.")), form);
            if (form.IsPreNorm && i == config.Layers - 1)
            {
                x = Normalize(x);
            }

            means[i + 1] = Mean(i + 1, x);
        }

        return means;

        Value Normalize(Value states)
            => LayerNorm.Emit(graph, "/encoder/layer_norm", states, weights.Require("encoder.layer_norm.weight", hidden), weights.Require("encoder.layer_norm.bias", hidden), form.Epsilon);

        Value Mean(int state, Value states)
        {
            graph.Tap($"hidden_{state}", states, DataType.Float, "batch", "frames", hidden);
            return graph.Op("ReduceMean", $"/means/{state}", [states], ("axes", new long[] { 1 }), ("keepdims", 1));
        }
    }

    /// <summary>The learnt sum of rows that are all the same one: its factor is the sum of the weights.</summary>
    private static Value EmitOverStates(GraphBuilder graph, Value states, LinearWeights aggregation)
    {
        const string Name = "/aggregation_over_states";
        Weight total = new($"{aggregation.Weight.Name} total", [1], () => [(float)aggregation.Weight.Load().Sum(weight => (double)weight)]);
        Value mean = graph.Op("ReduceMean", $"{Name}/ReduceMean", [states], ("axes", new long[] { 1 }), ("keepdims", 0));
        Value scaled = graph.Mul($"{Name}/Mul", mean, graph.Weight("aggregation_over_states.weight", total));
        return graph.Add($"{Name}/Add", scaled, graph.Weight("aggregation_over_states.bias", aggregation.Bias!));
    }

    private static EncoderLayerWeights ReadLayer(EncoderLayerForm form, WeightMap weights)
    {
        long hidden = form.HiddenSize;
        long inner = form.FeedForwardSize;
        return new EncoderLayerWeights
        {
            Attention = new SelfAttentionWeights(
                Layer("attention.q_proj", hidden, hidden),
                Layer("attention.k_proj", hidden, hidden),
                Layer("attention.v_proj", hidden, hidden),
                Layer("attention.out_proj", hidden, hidden)),
            AttentionNorm = Norm("layer_norm"),
            Up = Layer("feed_forward.intermediate_dense", inner, hidden),
            Down = Layer("feed_forward.output_dense", hidden, inner),
            FeedForwardNorm = Norm("final_layer_norm"),
        };

        LinearWeights Layer(string name, long output, long input) => new(weights.Require($"{name}.weight", output, input), weights.Require($"{name}.bias", output));

        NormWeights Norm(string name) => new(weights.Require($"{name}.weight", hidden), weights.Require($"{name}.bias", hidden));
    }
}
