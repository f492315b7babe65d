using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Positions told by a wide grouped convolution over the states themselves.</summary>
/// <remarks>
/// <code>
/// x [B,T,H] ── Transpose ── Conv(groups, kernel k, k/2 zeros in front, as many behind as keep T) ── activation ── Transpose ── [B,T,H]
/// </code>
/// The reference pads k/2 on both sides and, for an even k, drops the last frame again; one zero less behind is the same.
/// Sources: arXiv:2006.11477; transformers modeling_hubert.py HubertPositionalConvEmbedding and HubertSamePadLayer.
/// </remarks>
internal static class PositionalConv
{
    /// <summary>Adds the convolution; its result is to be added to <paramref name="x"/>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/pos_conv_embed</c>.</param>
    /// <param name="x">[B, T, H] float.</param>
    /// <param name="weight">[H, H / groups, k], weight norm resolved.</param>
    /// <param name="bias">[H].</param>
    /// <param name="groups">Groups of channels that do not see each other.</param>
    /// <param name="activation">Behind the convolution.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, Weight bias, int groups, Activation activation)
    {
        long kernel = weight.Shape[2];
        string path = Linear.InitializerPath(name);
        Value y = graph.Op(
            "Conv",
            $"{name}/Conv",
            [graph.Transpose($"{name}/Transpose", x, 0, 2, 1), graph.Weight($"{path}.weight", weight), graph.Weight($"{path}.bias", bias)],
            ("kernel_shape", new long[] { kernel }),
            ("pads", new long[] { kernel / 2, (kernel - 1) / 2 }),
            ("group", groups));
        return graph.Transpose($"{name}/Transpose_back", Activations.Emit(graph, $"{name}/act", y, activation), 0, 2, 1);
    }
}
