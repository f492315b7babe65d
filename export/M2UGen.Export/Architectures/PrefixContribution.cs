using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The constant that a request without media sends into <c>llama.prefix</c>: row i is what layer (layers - P + i) adds to every position.</summary>
/// <remarks>
/// Spec section 4: the prefix has length one, so its contribution (Wo + LoRA_o)(tanh(gate) * Wv p) does not depend on the text. Rows 0 .. P/3 - 1
/// belong to audio, the next third to image, the last to video; without media p is the row of prefix_query alone.
/// </remarks>
internal static class PrefixContribution
{
    /// <summary>The name of the constant in a bundle.</summary>
    public const string TensorName = "prefix-text";

    /// <summary>Computes the rows for a request of text alone.</summary>
    /// <returns>[P, dim] row-major; empty for a LLaMA without prefix layers.</returns>
    public static float[] ForText(LlamaWeights weights, CancellationToken cancellationToken = default)
        => weights.PrefixQuery is { } query ? Compute(weights, query.Load(), cancellationToken) : [];

    /// <summary>Computes the rows for any prefix vectors.</summary>
    /// <param name="weights">The LLaMA.</param>
    /// <param name="vectors">p of the last P layers, [P, dim] row-major.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <returns>[P, dim] row-major.</returns>
    public static float[] Compute(LlamaWeights weights, ReadOnlySpan<float> vectors, CancellationToken cancellationToken = default)
    {
        int dim = weights.Parameters.Dim;
        int first = weights.Layers.Count - weights.PrefixLayers;
        float[] rows = new float[weights.PrefixLayers * dim];
        for (int i = 0; i < weights.PrefixLayers; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double[] row = GatedPrefix.Contribution(vectors.Slice(i * dim, dim), weights.Layers[first + i].Prefix!, weights.Heads);
            for (int j = 0; j < dim; j++)
            {
                rows[(i * dim) + j] = (float)row[j];
            }
        }

        return rows;
    }

    /// <summary>The layers whose gate is zero for every head: a prefix reaches nothing there. As released the training never moves the gates away from zero.</summary>
    public static IReadOnlyList<int> ClosedLayers(LlamaWeights weights)
        => [.. Enumerable.Range(0, weights.Layers.Count).Where(i => weights.Layers[i].Prefix is { } prefix && GatedPrefix.IsClosed(prefix))];
}
