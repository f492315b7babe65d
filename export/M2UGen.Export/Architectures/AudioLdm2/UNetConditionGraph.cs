using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>What the UNet attends to, computed once a request: keys and values of every cross attention. Component <c>unet-condition</c>.</summary>
/// <remarks>
/// <code>
/// generated_prompt_embeds [B,8,G] ─┐
/// prompt_embeds [B,L,P] ───────────┴─ to_k, to_v of every cross attention ── cross_key_values.i.key|value [B,heads,8 or L,size]
/// attention_mask [B,L] ── 0 or -10000 ── cross_attention_bias [B,1,1,L]
/// </code>
/// Only T5's states have a mask; AudioLDM2's pipeline gives none for GPT-2's vectors. A model without one of the two has no input for it.
/// Source: arXiv:2308.05734; diffusers 0.21.4 modeling_audioldm2.py, AudioLDM2UNet2DConditionModel.forward.
/// </remarks>
internal static class UNetConditionGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "unet-condition";

    // The reference's bias of a hidden position: its weight is an exact zero in float32, unless all positions are hidden.
    private const float Hidden = -10000;

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The UNet's tensors.</param>
    /// <param name="options">The caller's choices.</param>
    public static BundlePart Create(UNetConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        UNetLayout layout = new(config);
        Dictionary<UNetAttentionSource, (Value States, string Length)> sources = [];
        if (config.GeneratedWidth is { } generatedWidth)
        {
            sources[UNetAttentionSource.Generated] = (graph.Input("generated_prompt_embeds", DataType.Float, "batch", "generated", generatedWidth), "generated");
        }

        if (config.PromptWidth is { } promptWidth)
        {
            sources[UNetAttentionSource.Prompt] = (graph.Input("prompt_embeds", DataType.Float, "batch", "prompt", promptWidth), "prompt");
            Value mask = graph.Cast("/attention_mask/Cast", graph.Input("attention_mask", DataType.Int64, "batch", "prompt"), DataType.Float);
            using IDisposable float32 = graph.KeepFloat32();
            Value hidden = graph.Mul("/attention_mask/Mul", graph.Sub("/attention_mask/Sub", graph.FloatScalar(1), mask), graph.FloatScalar(Hidden));
            graph.Output("cross_attention_bias", graph.Op("Unsqueeze", "/attention_mask/Unsqueeze", [hidden, graph.Int64s(1, 2)]), DataType.Float, "batch", 1, 1, "prompt");
        }

        // In what the UNet computes: it reads them at every step.
        DataType elements = graph.Options.ElementsOf(UNetGraph.Component);
        for (int i = 0; i < layout.CrossAttentions.Count; i++)
        {
            UNetCrossAttention attention = layout.CrossAttentions[i];
            (Value states, string length) = sources[attention.Path.Source];
            graph.Output($"cross_key_values.{i}.key", Heads(attention, states, "to_k"), elements, "batch", attention.Heads, length, attention.HeadSize);
            graph.Output($"cross_key_values.{i}.value", Heads(attention, states, "to_v"), elements, "batch", attention.Heads, length, attention.HeadSize);
        }

        return new BundlePart(Component, graph, Numbers(config, layout));

        Value Heads(UNetCrossAttention attention, Value states, string layer)
        {
            string name = $"/{attention.Module}/{layer}";
            Weight matrix = weights.Require($"{attention.Module}.{layer}.weight", attention.Heads * attention.HeadSize, attention.Path.Width);
            Value split = graph.Reshape($"{name}/Reshape", Linear.Emit(graph, name, states, matrix), 0, 0, attention.Heads, attention.HeadSize);
            Value turned = graph.Transpose($"{name}/Transpose", split, 0, 2, 1, 3);
            return elements == DataType.Float ? turned : graph.Cast($"{name}/Cast", turned, elements);
        }
    }

    /// <summary>What the runtime must know to allocate keys and values: of each cross attention its heads, their width, and whether it looks at the prompt.</summary>
    private static JsonObject Numbers(UNetConfig config, UNetLayout layout) => new()
    {
        ["generated_width"] = config.GeneratedWidth ?? 0,
        ["prompt_width"] = config.PromptWidth ?? 0,
        ["cross_attentions"] = layout.CrossAttentions.Count,
    };
}
