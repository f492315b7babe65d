using System.Numerics.Tensors;

namespace M2UGen.Sdk.Sampling;

/// <summary>Always the most probable token, the first of equals (torch.argmax; the reference at temperature 0). Stateless and thread-safe.</summary>
internal sealed class GreedySampler : ITokenSampler
{
    /// <summary>The only instance that is needed.</summary>
    public static GreedySampler Instance { get; } = new();

    /// <inheritdoc/>
    public int Sample(ReadOnlySpan<float> logits, ref CounterRandom random) => FirstMaximum(logits);

    /// <inheritdoc/>
    public void Probabilities(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        int best = FirstMaximum(logits);
        probabilities[..logits.Length].Clear();
        probabilities[best] = 1;
    }

    /// <summary>The position of the first largest value.</summary>
    /// <exception cref="InferenceException">The logits hold NaN or positive infinity, or exclude every token.</exception>
    public static int FirstMaximum(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty)
        {
            throw new ArgumentException("There are no logits to choose from.", nameof(logits));
        }

        float max = TensorPrimitives.Max(logits);
        ThrowIfUnusable(max);

        // Not IndexOfMax: that one prefers +0 to an earlier -0.
        return logits.IndexOf(max);
    }

    /// <summary>Refuses logits by their maximum.</summary>
    internal static void ThrowIfUnusable(float max)
    {
        if (!float.IsFinite(max))
        {
            throw new InferenceException(
                "sampling", $"The largest logit is {max}: the model's output is not usable. Check the bundle's files with 'verify', or its precision.");
        }
    }
}
