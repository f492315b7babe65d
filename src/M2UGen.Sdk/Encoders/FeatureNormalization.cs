using System.Numerics.Tensors;

namespace M2UGen.Sdk.Encoders;

/// <summary>Brings an encoder's aggregated feature to the length that the adapters were trained with.</summary>
/// <remarks>
/// f / max(|f|, 1e-12) · 1 / (1 + 1e-6). Source: reference m2ugen.py forward_audio, forward_image, forward_video: F.normalize, then the weights of several
/// inputs over their sum + 1e-6, which with one input leaves the factor.
/// </remarks>
internal static class FeatureNormalization
{
    private const float ShortestLength = 1e-12f;
    private const double WeightEpsilon = 1e-6;

    /// <summary>Normalises in place.</summary>
    /// <param name="feature">[H].</param>
    public static void Normalize(Span<float> feature)
    {
        float length = Math.Max(TensorPrimitives.Norm<float>(feature), ShortestLength);
        TensorPrimitives.Divide(feature, length, feature);
        TensorPrimitives.Multiply(feature, (float)(1 / (1 + WeightEpsilon)), feature);
    }
}
