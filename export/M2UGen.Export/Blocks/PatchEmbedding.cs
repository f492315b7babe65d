using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Cuts pictures (or films) into patches, projects each to a vector, puts the class token in front and adds learnt positions.</summary>
/// <remarks>
/// <code>
/// pixels [B,C,(T,)Y,X] ── Conv(kernel = stride = patch) ── Reshape [B,H,N] ── Transpose ─┬─ patches [B,N,H]
/// class token [1,1,H] ── Expand to the batch ── Concat ── Add(positions [1,1+N,H]) ── [B,1+N,H]
/// </code>
/// Patches run row by row, of films frame by frame. Sources: arXiv:2010.11929, arXiv:2103.15691; transformers modeling_vit.py ViTEmbeddings, modeling_vivit.py VivitEmbeddings.
/// </remarks>
internal static class PatchEmbedding
{
    /// <summary>Adds the embedding.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="pixels">[B, C, then one size per dimension of a patch] float.</param>
    /// <param name="projection">[H, C, patch...] and [H].</param>
    /// <param name="classToken">[1, 1, H].</param>
    /// <param name="positions">[1, 1 + N, H].</param>
    /// <param name="patchCount">N.</param>
    /// <returns>The tokens [B, 1 + N, H], and the patches [B, N, H] before class token and positions.</returns>
    public static (Value Tokens, Value Patches) Emit(GraphBuilder graph, Value pixels, LinearWeights projection, Weight classToken, Weight positions, int patchCount)
    {
        const string Name = "/embeddings";
        long hidden = classToken.Shape[^1];
        long[] patch = [.. projection.Weight.Shape.Skip(2)];
        Value planes = graph.Op(
            "Conv",
            $"{Name}/patch_embeddings/Conv",
            [pixels, graph.Weight("embeddings.patch_embeddings.weight", projection.Weight), graph.Weight("embeddings.patch_embeddings.bias", projection.Bias!)],
            ("kernel_shape", patch),
            ("strides", patch));
        Value flat = graph.Reshape($"{Name}/patch_embeddings/Reshape", planes, 0, hidden, patchCount);
        Value patches = graph.Transpose($"{Name}/patch_embeddings/Transpose", flat, 0, 2, 1);
        Value shape = graph.Concat($"{Name}/cls_token/shape", 0, graph.Dimension($"{Name}/cls_token/batch", pixels, 0), graph.Int64s(1, hidden));
        Value first = graph.Op("Expand", $"{Name}/cls_token/Expand", [graph.Weight("embeddings.cls_token", classToken), shape]);
        Value tokens = graph.Concat($"{Name}/Concat", 1, first, patches);
        return (graph.Add($"{Name}/Add", tokens, graph.Weight("embeddings.position_embeddings", positions)), patches);
    }
}
