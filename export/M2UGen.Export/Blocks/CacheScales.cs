using System.Numerics.Tensors;
using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Blocks;

/// <summary>What one layer's keys and values are made from.</summary>
/// <param name="Attention">Its projections.</param>
/// <param name="Norm">[in]: the weight of the norm before them.</param>
/// <param name="NormBias">[in]: its bias, or null.</param>
internal sealed record CachedLayer(AttentionWeights Attention, Weight Norm, Weight? NormBias = null);

/// <summary>Estimates from the weights alone how large each channel of the keys and values becomes: the scales of a cache in 8 bits until they are measured (<c>calibrate</c>).</summary>
/// <remarks>
/// A norm hands on n with unit mean square, so a channel W·(g ⊙ n + b) + c is about as large as |W·b + c| plus some times sqrt(Σ (W g)²). Rotary embedding
/// turns pairs of channels, which both may then reach the pair's length.
/// </remarks>
internal static class CacheScales
{
    // Channels lean towards directions that tokens have in common, which makes them larger than independent numbers would be.
    private const float Deviations = 8;

    /// <summary>The largest number of 8 bits.</summary>
    public const float Largest = 127;

    /// <summary>Plans the bundle's tensor of scales, [layers, key and value, kv heads, padded head size].</summary>
    /// <param name="component">The graph's name.</param>
    /// <param name="layers">The layers.</param>
    /// <param name="heads">Their heads.</param>
    public static PlannedTensor Plan(string component, IReadOnlyList<CachedLayer> layers, HeadShape heads)
    {
        int channels = heads.KeyValueHeads * heads.PaddedHeadSize;
        return new PlannedTensor(KVCacheFormat.ScalesOf(component), [layers.Count, 2, heads.KeyValueHeads, heads.PaddedHeadSize], cancellationToken =>
        {
            float[] scales = new float[layers.Count * 2 * channels];

            // What pads a head is zero at any scale.
            Array.Fill(scales, 1);
            for (int i = 0; i < layers.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                CachedLayer layer = layers[i];
                float[] norm = layer.Norm.Load();
                float[]? bias = layer.NormBias?.Load();
                Estimate(layer.Attention.Key, layer.Attention.KeyBias, norm, bias, heads, heads.Rotary, scales.AsSpan(2 * i * channels, channels));
                Estimate(layer.Attention.Value, layer.Attention.ValueBias, norm, bias, heads, isRotated: false, scales.AsSpan(((2 * i) + 1) * channels, channels));
            }

            return scales;
        });
    }

    private static void Estimate(Weight matrix, Weight? bias, float[] norm, float[]? normBias, HeadShape heads, bool isRotated, Span<float> scales)
    {
        float[] elements = matrix.Load();
        float[]? offsets = bias?.Load();
        int width = norm.Length;
        float[] product = new float[width];
        (float Mean, float Deviation)[] channels = new (float, float)[heads.KeyValueHeads * heads.HeadSize];
        for (int row = 0; row < channels.Length; row++)
        {
            ReadOnlySpan<float> weights = elements.AsSpan(row * width, width);
            TensorPrimitives.Multiply(weights, norm, product);
            float mean = (normBias is null ? 0 : TensorPrimitives.Dot(weights, normBias)) + (offsets is null ? 0 : offsets[row]);
            channels[row] = (mean, TensorPrimitives.Norm<float>(product));
        }

        for (int row = 0; row < channels.Length; row++)
        {
            (float mean, float deviation) = channels[row];
            if (isRotated)
            {
                (float otherMean, float otherDeviation) = channels[row ^ 1];
                (mean, deviation) = (float.Hypot(mean, otherMean), float.Max(deviation, otherDeviation));
            }

            float largest = float.Abs(mean) + (Deviations * deviation);
            (int head, int channel) = int.DivRem(row, heads.HeadSize);

            // Channels without weights are zeros; any scale will do.
            scales[(head * heads.PaddedHeadSize) + channel] = largest > 0 && float.IsFinite(largest) ? largest / Largest : 1;
        }
    }
}
