using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>AudioLDM2's projection model: the embeddings of both text encoders to GPT-2's width, learnt vectors around each. Component <c>projection</c>.</summary>
/// <remarks>
/// <code>
/// clap [B,1,c] ── Linear ────────┐
/// sos ───────────────────────── Concat ── hidden_states [B,n+5,d] = [sos, clap, eos, sos_1, n × T5, eos_1]
/// eos, sos_1, eos_1 ─────────────┤
/// t5 [B,n,w] ─── Linear ─────────┘        attention_mask [B,n+5]: the two masks, and 1 at the learnt vectors
/// </code>
/// Source: diffusers 0.21.4 modeling_audioldm2.py, AudioLDM2ProjectionModel.
/// </remarks>
internal static class ProjectionModelGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "projection";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The model's tensors.</param>
    /// <param name="options">No taps.</param>
    public static BundlePart Create(ProjectionModelConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        long width = config.LanguageSize;
        Value clap = graph.Input("clap_hidden_states", DataType.Float, "batch", "clap_tokens", config.ClapSize);
        Value clapMask = graph.Input("clap_attention_mask", DataType.Int64, "batch", "clap_tokens");
        Value t5 = graph.Input("t5_hidden_states", DataType.Float, "batch", "t5_tokens", config.T5Size);
        Value t5Mask = graph.Input("t5_attention_mask", DataType.Int64, "batch", "t5_tokens");
        Value batch = graph.Dimension("/batch", clap, 0);
        Value rowShape = graph.Concat("/row_shape", 0, batch, graph.Int64s(1, width));
        Value states = graph.Concat(
            "/Concat",
            1,
            Learnt("sos_embed"),
            Project("projection", clap, config.ClapSize),
            Learnt("eos_embed"),
            Learnt("sos_embed_1"),
            Project("projection_1", t5, config.T5Size),
            Learnt("eos_embed_1"));
        Value one = graph.Op("Expand", "/mask/one", [graph.Int64s(1), graph.Concat("/mask/shape", 0, batch, graph.Int64s(1))]);
        Value mask = graph.Concat("/mask/Concat", 1, one, clapMask, one, one, t5Mask, one);
        graph.Output("hidden_states", states, DataType.Float, "batch", "rows", width);
        graph.Output("attention_mask", mask, DataType.Int64, "batch", "rows");
        return new BundlePart(Component, graph, new JsonObject
        {
            ["clap_width"] = config.ClapSize,
            ["t5_width"] = config.T5Size,
            ["width"] = config.LanguageSize,
        });

        Value Learnt(string name) => graph.Op("Expand", $"/{name}/Expand", [graph.Weight(name, weights.Require(name, width).Reshaped(1, 1, width)), rowShape]);

        Value Project(string name, Value x, long size)
            => Linear.Emit(graph, $"/{name}", x, weights.Require($"{name}.weight", width, size), weights.Require($"{name}.bias", width));
    }
}
