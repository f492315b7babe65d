using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The output projector: the hidden states that predicted [AUD0]..[AUDn] become the music decoder's conditioning.</summary>
/// <remarks>
/// <code>
/// hidden_states [1,A,dim] ─ Add(embeddings of the A tokens) ─ fc ─ encoder layers ─ norm ─┐ memory
///                                              query_embs [1,T,width] ─ decoder layers ─ norm ─ model ─ embedding [1,T,out]
/// </code>
/// MusicGen: T vectors of the text encoder's width. AudioLDM2: T = 1, one long vector, flattened. The division by ten (the training target is ten
/// times the text encoder's output) is the caller's. Source: arXiv:2311.11255, reference <c>projector.py</c>, <c>m2ugen.py generate_music</c>.
/// </remarks>
internal static class OutputProjectorGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "projector";

    // nn.Transformer(nhead=4) in the reference's projector.py: no checkpoint or config file stores it.
    private const int Heads = 4;

    /// <summary>Builds the graph.</summary>
    /// <param name="weights">The projector's tensors.</param>
    /// <param name="audioTokens">Rows [A, dim] of the token embedding for [AUD0]..: folded in as a constant.</param>
    /// <param name="options">Taps and precision.</param>
    public static GraphBuilder Build(OutputProjectorWeights weights, Weight audioTokens, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        long count = audioTokens.Shape[0];
        long dim = audioTokens.Shape[1];
        Value hidden = graph.Input("hidden_states", DataType.Float, 1, count, dim);
        Value x = graph.Add("/tok_embeddings/Add", hidden, graph.Weight("tok_embeddings.audio", audioTokens.Reshaped(1, count, dim)));

        Value memory = Linear.Emit(graph, "/fc", x, weights.Input.Weight, weights.Input.Bias);
        for (int i = 0; i < weights.Encoder.Count; i++)
        {
            memory = TransformerLayer.Emit(graph, $"/tfm/encoder/layers.{i}", memory, Value.None, weights.Encoder[i], Heads);
        }

        memory = LayerNorm.Emit(graph, "/tfm/encoder/norm", memory, weights.EncoderNorm.Weight, weights.EncoderNorm.Bias);
        Value query = graph.Weight("query_embs", weights.Queries);
        for (int i = 0; i < weights.Decoder.Count; i++)
        {
            query = TransformerLayer.Emit(graph, $"/tfm/decoder/layers.{i}", query, memory, weights.Decoder[i], Heads);
        }

        query = LayerNorm.Emit(graph, "/tfm/decoder/norm", query, weights.DecoderNorm.Weight, weights.DecoderNorm.Bias);
        Value embedding = Linear.Emit(graph, "/model", query, weights.Output.Weight, weights.Output.Bias);
        if (weights.IsFlat)
        {
            graph.Output("embedding", graph.Reshape("/model/Reshape", embedding, 1, weights.Width), DataType.Float, 1, weights.Width);
        }
        else
        {
            graph.Output("embedding", embedding, DataType.Float, 1, weights.Tokens, weights.Width);
        }

        return graph;
    }

    /// <summary>The numbers a caller of the graph needs.</summary>
    public static JsonObject Config(OutputProjectorWeights weights, long audioTokens) => new()
    {
        ["variant"] = weights.IsFlat ? "audioldm2" : "musicgen",
        ["audio_tokens"] = audioTokens,
        ["tokens"] = weights.Tokens,
        ["width"] = weights.Width,
        ["encoder_layers"] = weights.Encoder.Count,
        ["decoder_layers"] = weights.Decoder.Count,
        ["heads"] = Heads,
    };
}
