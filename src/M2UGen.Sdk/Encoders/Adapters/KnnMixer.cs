using System.Numerics.Tensors;

namespace M2UGen.Sdk.Encoders.Adapters;

/// <summary>From an encoder's aggregated output to the feature that enters the adapter: L2 norm and, where wanted, the kNN cache.</summary>
/// <remarks>
/// <code>
/// output ─ L2 norm · 1/(1+1e-6) ─ own ──────────────────────────── (1-weight) ─┐
///                                  └ search ─ softmax(score · t) ─ Σ ─ norm ─ weight ─┴ + ─ norm ─ feature
/// </code>
/// Source: reference m2ugen.py, forward_audio, forward_image and forward_video. The softmax takes the scores as they are, so with an L2 index
/// farther rows weigh more; that is the reference's formula and is kept. Where the index has fewer rows than asked for, the reference fails; here all rows count.
/// </remarks>
internal static class KnnMixer
{
    // The reference divides the one modality's weight by the sum of weights plus 1e-6.
    private const float SingleWeight = (float)(1 / (1 + 1e-6));

    // As torch's normalize: a vector of zeros stays one.
    private const float LeastNorm = 1e-12f;

    /// <summary>The feature without a cache, which is also what the cache is searched for.</summary>
    /// <param name="encoderOutput">[width], the encoder's aggregated output.</param>
    /// <returns>[width], of length 1/(1+1e-6).</returns>
    public static float[] Normalize(ReadOnlySpan<float> encoderOutput)
    {
        float[] feature = encoderOutput.ToArray();
        ScaleToUnit(feature);
        TensorPrimitives.Multiply(feature, SingleWeight, feature);
        return feature;
    }

    /// <summary>Mixes a feature with the mean of its neighbours.</summary>
    /// <param name="feature">[width], from <see cref="Normalize"/>.</param>
    /// <param name="index">The cache; its rows have the same width.</param>
    /// <param name="options">How many neighbours, and how they weigh.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>[width], of length 1.</returns>
    /// <exception cref="ArgumentException">An option is out of its range, or the widths differ.</exception>
    /// <exception cref="ModelBundleException">The index holds values that are not finite.</exception>
    public static float[] Mix(ReadOnlySpan<float> feature, KnnIndex index, KnnOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(options);
        OptionsCheck check = new();
        options.Check(check);
        check.ThrowIfAny();
        KnnNeighbour[] neighbours = index.Search(feature, options.CacheSize, cancellationToken);
        float[] weights = Array.ConvertAll(neighbours, neighbour => neighbour.Score);
        TensorPrimitives.Multiply(weights, (float)options.Temperature, weights);
        TensorPrimitives.Subtract(weights, TensorPrimitives.Max<float>(weights), weights);
        TensorPrimitives.SoftMax<float>(weights, weights);

        float[] mixed = new float[index.Dimension];
        float[] row = new float[index.Dimension];
        for (int i = 0; i < neighbours.Length; i++)
        {
            index.CopyRow(neighbours[i].Id, row);
            TensorPrimitives.MultiplyAdd(row, weights[i], mixed, mixed);
        }

        ScaleToUnit(mixed);
        TensorPrimitives.Multiply(mixed, (float)options.Weight, mixed);
        TensorPrimitives.MultiplyAdd(feature, (float)(1 - options.Weight), mixed, mixed);
        ScaleToUnit(mixed);
        return mixed;
    }

    private static void ScaleToUnit(Span<float> vector) =>
        TensorPrimitives.Divide(vector, Math.Max(TensorPrimitives.Norm<float>(vector), LeastNorm), vector);
}
