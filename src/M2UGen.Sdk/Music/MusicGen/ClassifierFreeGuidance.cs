using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Classifier-free guidance (Ho and Salimans, arXiv:2207.12598; transformers ClassifierFreeGuidanceLogitsProcessor).</summary>
internal static class ClassifierFreeGuidance
{
    /// <summary>guided = unconditional + (conditional - unconditional) * scale, each step rounded to float32 as the reference does.</summary>
    /// <param name="conditional">Logits with the condition.</param>
    /// <param name="unconditional">Logits without it, as many.</param>
    /// <param name="scale">Guidance scale; 1 gives the conditional logits.</param>
    /// <param name="guided">Out, as many; may be the same memory as <paramref name="conditional"/>, but not as <paramref name="unconditional"/>.</param>
    public static void Apply(ReadOnlySpan<float> conditional, ReadOnlySpan<float> unconditional, float scale, Span<float> guided)
    {
        guided = guided[..conditional.Length];
        TensorPrimitives.Subtract(conditional, unconditional, guided);
        TensorPrimitives.Multiply(guided, scale, guided);
        TensorPrimitives.Add(guided, unconditional, guided);
    }
}
