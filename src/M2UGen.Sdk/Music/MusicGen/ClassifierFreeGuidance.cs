using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Classifier-free guidance (arXiv:2207.12598) on logits: away from what the model says without conditioning.</summary>
internal static class ClassifierFreeGuidance
{
    /// <summary>Only scales above 1 need the unconditional half, as in transformers' ClassifierFreeGuidanceLogitsProcessor.</summary>
    public static bool IsOn(double scale) => scale > 1;

    /// <summary>guided = unconditional + (conditional - unconditional) · scale, element by element.</summary>
    /// <param name="conditional">[n].</param>
    /// <param name="unconditional">[n].</param>
    /// <param name="scale">Above 1.</param>
    /// <param name="guided">[n]; may be the memory of <paramref name="conditional"/>.</param>
    public static void Combine(ReadOnlySpan<float> conditional, ReadOnlySpan<float> unconditional, float scale, Span<float> guided)
    {
        TensorPrimitives.Subtract(conditional, unconditional, guided);
        TensorPrimitives.Multiply(guided, scale, guided);
        TensorPrimitives.Add(guided, unconditional, guided);
    }
}
