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
/// Source: arXiv:2303.16199; reference <c>llama.py Attention.forward</c> (adapter_len 1). The contribution of a given vector is computed in float64: it is done once per export.
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

    /// <summary>The same as one matrix: contribution = M p with M = (Wo + LoRA_o) diag(tanh(gate)) Wv.</summary>
    /// <remarks>
    /// One matrix [dim, dim] in the place of two: half the bytes of a graph that is bound by them, and never more, as Wv has at most dim rows. Heads that share a
    /// key-value head share rows of Wv, so their columns of Wo are added up first.
    /// </remarks>
    /// <param name="weights">The layer's matrices.</param>
    /// <param name="heads">The checkpoint's heads.</param>
    /// <returns>[dim, dim], computed when it is loaded.</returns>
    public static Weight Matrix(GatedPrefixWeights weights, HeadShape heads)
    {
        int rows = checked((int)weights.Output.Shape[0]);
        int columns = checked((int)weights.Value.Shape[1]);
        return new Weight($"{weights.Output.Name} * gate * {weights.Value.Name}", [rows, columns], () =>
            MatrixProduct.Multiply(GatedOutput(weights, heads, rows), weights.Value.Load(), rows, heads.KeyValueHeads * heads.HeadSize, columns));
    }

    /// <summary>Whether the layer's gate lets nothing through.</summary>
    public static bool IsClosed(GatedPrefixWeights weights) => !weights.Gate.Load().AsSpan().ContainsAnyExcept(0f);

    /// <summary>(Wo + LoRA_o) diag(tanh(gate)), [rows, kv heads * size].</summary>
    private static float[] GatedOutput(GatedPrefixWeights weights, HeadShape heads, int rows)
    {
        float[] output = LoraLinear.Fold(weights.Output, weights.OutputPair).Load();
        float[] gate = Array.ConvertAll(weights.Gate.Load(), number => (float)Math.Tanh(number));
        int width = heads.Heads * heads.HeadSize;
        int shared = heads.Heads / heads.KeyValueHeads;
        int gatedWidth = heads.KeyValueHeads * heads.HeadSize;

        // Where every head has its own rows of Wv, the result takes the operand's place.
        float[] gated = shared == 1 ? output : new float[checked(rows * gatedWidth)];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<float> source = output.AsSpan(row * width, width);
            Span<float> target = gated.AsSpan(row * gatedWidth, gatedWidth);
            for (int i = 0; i < gatedWidth; i++)
            {
                int keyValueHead = i / heads.HeadSize;
                float sum = 0;
                for (int head = keyValueHead * shared; head < (keyValueHead + 1) * shared; head++)
                {
                    float product = gate[head] * source[(head * heads.HeadSize) + (i % heads.HeadSize)];
                    sum += product;
                }

                target[i] = sum;
            }
        }

        return gated;
    }

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
