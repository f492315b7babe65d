using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>AudioLDM2's GPT-2: given vectors, the next one, over a cache. Component <c>gpt2</c>.</summary>
/// <remarks>
/// <code>
/// inputs_embeds [B,S,d] ── + ── layers × ( ln_1 ─ causal attention ─ + ─ ln_2 ─ feed-forward ─ + ) ── last of the S ── ln_f ── next_embeds [B,1,d]
/// position_ids [B,S] ── wpe ┘                        │
/// attention_mask [B,capacity] ── first T ── lowest float where 0
/// </code>
/// What comes out is what goes in next: there is no vocabulary here (wte is not used). The first call brings the prompt, each further one the vector before, so
/// nothing is computed twice; one graph with a cache rather than all steps unrolled, because the runtime packs a matrix once for every node that uses it.
/// Sources: GPT-2; transformers modeling_gpt2.py, GPT2Model; diffusers 0.21.4 pipeline_audioldm2.py, generate_language_model.
/// </remarks>
internal static class Gpt2Graph
{
    /// <summary>The component's name.</summary>
    public const string Component = "gpt2";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The model's tensors: <c>h.0.ln_1.weight</c>, …, with or without <c>transformer.</c> before.</param>
    /// <param name="options">Taps: <c>hidden_{i}</c> (behind layer i), <c>last_hidden_state</c> (behind ln_f, all positions), each [B,S,d].</param>
    public static BundlePart Create(Gpt2Config config, WeightMap weights, GraphOptions? options = null)
    {
        const string Prefix = "transformer.";
        weights = weights.Contains($"{Prefix}wpe.weight") ? weights.Under(Prefix) : weights;
        GraphBuilder graph = new(Component, options);
        long width = config.HiddenSize;
        HeadShape heads = new(config.Heads, config.Heads, config.HiddenSize / config.Heads);
        Value embeds = graph.Input("inputs_embeds", DataType.Float, "batch", "tokens", width);
        Value positions = graph.Input("position_ids", DataType.Int64, "batch", "tokens");
        Value mask = graph.Input("attention_mask", DataType.Int64, "batch", "capacity");
        KVCachePorts ports = KVCachePorts.Declare(graph, "batch", heads);
        Value x = graph.Add("/Add", embeds, Embedding.Emit(graph, "/wpe", positions, weights.Require("wpe.weight", config.Positions, width)));
        Value bias = Bias(graph, mask, embeds, ports);
        for (int i = 0; i < config.Layers; i++)
        {
            x = Layer(graph, config, weights.Under($"h.{i}."), heads, i, x, ports, bias);
            graph.Tap($"hidden_{i + 1}", x, DataType.Float, "batch", "tokens", width);
        }

        Weight scale = weights.Require("ln_f.weight", width);
        Weight shift = weights.Require("ln_f.bias", width);
        if (graph.Options.IsTapped("last_hidden_state"))
        {
            graph.Output("last_hidden_state", LayerNorm.Emit(graph, "/ln_f_of_all", x, scale, shift, config.Epsilon), DataType.Float, "batch", "tokens", width);
        }

        Value last = graph.Slice("/last", x, graph.Int64s(-1), graph.Int64s(long.MaxValue), 1);
        graph.Output("next_embeds", LayerNorm.Emit(graph, "/ln_f", last, scale, shift, config.Epsilon), DataType.Float, "batch", 1, width);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["layers"] = config.Layers,
            ["heads"] = config.Heads,
            ["head_size"] = heads.PaddedHeadSize,
            ["hidden_size"] = config.HiddenSize,
            ["max_positions"] = config.Positions,
            ["new_tokens"] = config.NewTokens,
        });
    }

    /// <summary>[B, 1, S, T]: the lowest float for keys that are hidden, T the positions up to and with this call's.</summary>
    private static Value Bias(GraphBuilder graph, Value mask, Value embeds, KVCachePorts ports)
    {
        using IDisposable float32 = graph.KeepFloat32();
        Value total = graph.Cast("/mask/total", graph.Reshape("/mask/Reshape", ports.TotalLength, 1), DataType.Int64);
        Value filled = graph.Cast("/mask/filled", graph.Slice("/mask/Slice", mask, graph.Int64s(0), total, 1), DataType.Float);
        Value lowered = graph.Mul("/mask/lowered", graph.Sub("/mask/hidden", graph.FloatScalar(1), filled), graph.FloatScalar(float.MinValue));
        Value perKey = graph.Op("Unsqueeze", "/mask/per_key", [lowered, graph.Int64s(1, 2)]);
        Value tokens = graph.Dimension("/mask/tokens", embeds, 1);
        return graph.Op("Expand", "/mask/Expand", [perKey, graph.Concat("/mask/shape", 0, graph.Int64s(1, 1), tokens, graph.Int64s(1))]);
    }

    private static Value Layer(GraphBuilder graph, Gpt2Config config, WeightMap weights, HeadShape heads, int layer, Value x, KVCachePorts ports, Value bias)
    {
        string name = $"/h.{layer}";
        long width = config.HiddenSize;
        LinearWeights packed = Conv1D("attn.c_attn", width, 3 * width);
        LinearWeights projection = Conv1D("attn.c_proj", width, width);
        AttentionWeights attention = new()
        {
            Query = packed.Weight.Rows(0, width),
            Key = packed.Weight.Rows(width, width),
            Value = packed.Weight.Rows(2 * width, width),
            Output = projection.Weight,
            QueryBias = packed.Bias!.Rows(0, width),
            KeyBias = packed.Bias!.Rows(width, width),
            ValueBias = packed.Bias!.Rows(2 * width, width),
            OutputBias = projection.Bias,
        };
        Value attended = CausalAttention.Emit(graph, $"{name}/attn", layer, Norm("ln_1", x), attention, heads, ports, outputName: "c_proj", bias: bias);
        x = graph.Add($"{name}/attn/Add", x, attended);
        LinearWeights up = Conv1D("mlp.c_fc", width, config.FeedForwardSize);
        LinearWeights down = Conv1D("mlp.c_proj", config.FeedForwardSize, width);
        Value inner = Linear.Emit(graph, $"{name}/mlp/c_fc", Norm("ln_2", x), up.Weight, up.Bias);
        inner = Activations.Emit(graph, $"{name}/mlp/act", inner, config.Activation);
        return graph.Add($"{name}/mlp/Add", x, Linear.Emit(graph, $"{name}/mlp/c_proj", inner, down.Weight, down.Bias));

        Value Norm(string part, Value input)
            => LayerNorm.Emit(graph, $"{name}/{part}", input, weights.Require($"{part}.weight", width), weights.Require($"{part}.bias", width), config.Epsilon);

        // GPT-2 stores its matrices as [in, out], the other way round than torch's linear layers.
        LinearWeights Conv1D(string part, long input, long output)
            => new(weights.Require($"{part}.weight", input, output).Transposed(), weights.Require($"{part}.bias", output));
    }
}
