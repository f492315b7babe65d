using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>The end of either of CLAP's towers: into the space that text and sound have in common, where embeddings have length one.</summary>
/// <remarks>
/// <code>
/// pooled [B,H] ── Linear ── activation ── Linear ── (projected [B,p]) ── / length ── embedding [B,p]
/// </code>
/// Source: transformers modeling_clap.py, ClapProjectionLayer, get_text_features and get_audio_features.
/// </remarks>
internal static class ClapProjection
{
    /// <summary>Adds the projection.</summary>
    /// <param name="graph">The graph; tap <c>projected</c> [B, p].</param>
    /// <param name="name">Node path: <c>/text_projection</c>.</param>
    /// <param name="pooled">[B, <paramref name="inputSize"/>] float.</param>
    /// <param name="weights">The projection's tensors: <c>linear1.weight</c>, ….</param>
    /// <param name="inputSize">The tower's width.</param>
    /// <param name="outputSize">p.</param>
    /// <param name="activation">Between the two layers.</param>
    /// <returns>[B, p] float, each row of length one.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value pooled, WeightMap weights, long inputSize, long outputSize, Activation activation)
    {
        Value x = Layer("linear1", pooled, inputSize);
        x = Layer("linear2", Activations.Emit(graph, $"{name}/act", x, activation), outputSize);
        graph.Tap("projected", x, DataType.Float, "batch", outputSize);
        return graph.Op("LpNormalization", $"{name}/LpNormalization", [x], ("axis", -1), ("p", 2));

        Value Layer(string layer, Value input, long size)
            => Linear.Emit(graph, $"{name}/{layer}", input, weights.Require($"{layer}.weight", outputSize, size), weights.Require($"{layer}.bias", outputSize));
    }
}
