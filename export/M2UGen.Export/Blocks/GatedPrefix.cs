using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>What one attention layer does to a prefix vector.</summary>
internal sealed record GatedPrefixWeights
{
    /// <summary>The gate before tanh: one number per head, [1, heads, 1, 1].</summary>
    public required Weight Gate { get; init; }

    /// <summary>Wv [kv heads * size, dim], WITHOUT its low-rank pair: the reference applies the plain matrix to the prefix.</summary>
    public required Weight Value { get; init; }

    /// <summary>Wo [dim, heads * size].</summary>
    public required Weight Output { get; init; }

    /// <summary>The low-rank pair of Wo, or null.</summary>
    public LoraPair? OutputPair { get; init; }
}

/// <summary>The zero-initialised gated prefix of length one (LLaMA-Adapter): attention over one vector is the identity, so it adds one constant vector to the layer.</summary>
/// <remarks>
/// <code>
/// p [dim] ── Wv ── * tanh(gate) per head ── Wo + LoRA_o ── contribution [dim], added to every position
/// </code>
/// Source: arXiv:2303.16199; reference <c>llama.py Attention.forward</c> (adapter_len 1). Computed in float64: it is done once per export.
/// </remarks>
internal static class GatedPrefix
{
    /// <summary>(Wo + LoRA_o) (tanh(gate) * Wv p).</summary>
    /// <param name="prefix">p [dim].</param>
    /// <param name="weights">The layer's matrices.</param>
    /// <param name="heads">The checkpoint's heads.</param>
    /// <returns>[dim].</returns>
    public static double[] Contribution(ReadOnlySpan<float> prefix, GatedPrefixWeights weights, HeadShape heads)
    {
        double[] values = Multiply(weights.Value, Array.ConvertAll(prefix.ToArray(), element => (double)element));
        float[] gate = weights.Gate.Load();
        double[] gated = new double[heads.Heads * heads.HeadSize];
        int shared = heads.Heads / heads.KeyValueHeads;
        for (int head = 0; head < heads.Heads; head++)
        {
            double factor = Math.Tanh(gate[head]);
            for (int i = 0; i < heads.HeadSize; i++)
            {
                gated[(head * heads.HeadSize) + i] = factor * values[(head / shared * heads.HeadSize) + i];
            }
        }

        double[] contribution = Multiply(weights.Output, gated);
        if (weights.OutputPair is { } pair)
        {
            double[] low = Multiply(pair.Up, Multiply(pair.Down, gated));
            for (int i = 0; i < contribution.Length; i++)
            {
                contribution[i] += low[i];
            }
        }

        return contribution;
    }

    /// <summary>Whether the layer's gate lets nothing through.</summary>
    public static bool IsClosed(GatedPrefixWeights weights) => !weights.Gate.Load().AsSpan().ContainsAnyExcept(0f);

    private static double[] Multiply(Weight matrix, double[] vector)
    {
        float[] elements = matrix.Load();
        double[] product = new double[matrix.Shape[0]];
        Parallel.For(0, product.Length, row =>
        {
            ReadOnlySpan<float> weights = elements.AsSpan(row * vector.Length, vector.Length);
            double sum = 0;
            for (int i = 0; i < vector.Length; i++)
            {
                sum += weights[i] * vector[i];
            }

            product[row] = sum;
        });
        return product;
    }
}
