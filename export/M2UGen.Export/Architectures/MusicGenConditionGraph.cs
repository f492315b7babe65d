using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>What MusicGen's decoder follows, computed once a request. Component <c>musicgen-condition</c>.</summary>
/// <remarks>
/// <code>
/// encoder_hidden_states [B,L,t] ── enc_to_dec_proj ── * mask ─┬─ Wk, Wv of every layer ── cross_key_values.i.key|value [B,heads,L,size]
/// attention_mask [B,L] ────────── 0 or -1e9 ──────────────────┼─ cross_attention_bias [B,1,1,L]
///                                                             │
/// melody:  chroma [B,C,n] ── audio_enc_to_dec_proj ─────────── Concat ── prefix [B,C+L,hidden]
/// </code>
/// The mask acts after the projection, whose bias would otherwise reach padded positions. Melody models attend to padded positions too: they are zero, not hidden.
/// Sources: arXiv:2306.05284; transformers modeling_musicgen.py and modeling_musicgen_melody.py.
/// </remarks>
internal static class MusicGenConditionGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "musicgen-condition";

    // Far below any score, and finite in every sum.
    private const float Hidden = -1e9f;

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The whole model's tensors: <c>enc_to_dec_proj.…</c>, <c>decoder.model.decoder.layers.0.…</c>.</param>
    /// <param name="options">Taps: <c>projected</c>, <c>projected_masked</c> [B,L,hidden].</param>
    public static BundlePart Create(MusicGenConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        int hidden = config.Decoder.HiddenSize;
        Value states = graph.Input("encoder_hidden_states", DataType.Float, "batch", "text", config.TextEncoder.HiddenSize);
        Value mask = graph.Input("attention_mask", DataType.Int64, "batch", "text");
        Value visible = graph.Cast("/attention_mask/Cast", mask, DataType.Float);
        Value projected = config.HasTextProjection ? Project("enc_to_dec_proj", states, config.TextEncoder.HiddenSize) : states;
        graph.Tap("projected", projected, DataType.Float, "batch", "text", hidden);
        Value masked = graph.Mul("/attention_mask/Mul", projected, graph.Unsqueeze("/attention_mask/Unsqueeze", visible, 2));
        graph.Tap("projected_masked", masked, DataType.Float, "batch", "text", hidden);
        JsonObject numbers = new()
        {
            ["form"] = config.IsMelody ? "prefix" : "cross_attention",
            ["text_width"] = config.TextEncoder.HiddenSize,
            ["hidden_size"] = hidden,
            ["layers"] = config.Decoder.Layers,
            ["heads"] = config.Decoder.Heads,
            ["cross_head_size"] = config.Decoder.HeadSize,
        };
        if (config.IsMelody)
        {
            Value chroma = graph.Input("chroma", DataType.Float, "batch", config.ChromaLength, config.ChromaBins);
            Value melody = config.HasChromaProjection ? Project("audio_enc_to_dec_proj", chroma, config.ChromaBins) : chroma;
            graph.Output("prefix", graph.Concat("/prefix/Concat", 1, melody, masked), DataType.Float, "batch", "prefix", hidden);
            numbers["chroma_length"] = config.ChromaLength;
            numbers["chroma_bins"] = config.ChromaBins;
        }
        else
        {
            EmitKeysAndValues(graph, config.Decoder, weights, masked);
            EmitBias(graph, visible);
        }

        return new BundlePart(Component, graph, numbers);

        Value Project(string name, Value x, long width) => Linear.Emit(
            graph,
            $"/{name}",
            x,
            Weight.From(weights.Get($"{name}.weight", hidden, width)),
            Weight.From(weights.Get($"{name}.bias", hidden)));
    }

    private static void EmitKeysAndValues(GraphBuilder graph, MusicGenDecoderConfig config, WeightMap weights, Value states)
    {
        // Like the cache, in what the decoder computes: it reads them at every step.
        DataType elements = graph.Options.ElementsOf(MusicGenDecoderGraph.Component);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"layers.{i}.encoder_attn";
            graph.Output($"cross_key_values.{i}.key", Heads("k_proj"), elements, "batch", config.Heads, "text", config.HeadSize);
            graph.Output($"cross_key_values.{i}.value", Heads("v_proj"), elements, "batch", config.Heads, "text", config.HeadSize);

            Value Heads(string projection)
            {
                string name = $"/{layer}/{projection}";
                Weight matrix = Weight.From(weights.Get($"decoder.model.decoder.{layer}.{projection}.weight", config.HiddenSize, config.HiddenSize));
                Value split = graph.Reshape($"{name}/Reshape", Linear.Emit(graph, name, states, matrix), 0, 0, config.Heads, config.HeadSize);
                Value turned = graph.Transpose($"{name}/Transpose", split, 0, 2, 1, 3);
                return elements == DataType.Float ? turned : graph.Cast($"{name}/Cast", turned, elements);
            }
        }
    }

    private static void EmitBias(GraphBuilder graph, Value visible)
    {
        using IDisposable float32 = graph.KeepFloat32();
        Value hidden = graph.Sub("/cross_attention_bias/Sub", graph.FloatScalar(1), visible);
        Value bias = graph.Mul("/cross_attention_bias/Mul", hidden, graph.FloatScalar(Hidden));
        graph.Output("cross_attention_bias", graph.Op("Unsqueeze", "/cross_attention_bias/Unsqueeze", [bias, graph.Int64s(1, 2)]), DataType.Float, "batch", 1, 1, "text");
    }
}
