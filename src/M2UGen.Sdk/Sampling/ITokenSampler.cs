namespace M2UGen.Sdk.Sampling;

/// <summary>
/// Draws one token from logits. An implementation owns its work buffers: after the first call with a vocabulary it allocates nothing, and it
/// is not thread-safe (one instance a request).
/// </summary>
internal interface ITokenSampler
{
    /// <summary>Draws a token.</summary>
    /// <param name="logits">[vocabulary] float32; negative infinity excludes a token.</param>
    /// <param name="random">The stream to draw from.</param>
    /// <returns>The token id.</returns>
    /// <exception cref="InferenceException">The logits hold NaN or positive infinity, or exclude every token.</exception>
    int Sample(ReadOnlySpan<float> logits, ref CounterRandom random);

    /// <summary>Gives the distribution that <see cref="Sample"/> draws from.</summary>
    /// <param name="logits">[vocabulary] float32.</param>
    /// <param name="probabilities">[vocabulary] float32 out: exactly 0 for tokens that cannot be drawn, else their share; the sum is 1.</param>
    /// <exception cref="InferenceException">The logits hold NaN or positive infinity, or exclude every token.</exception>
    void Probabilities(ReadOnlySpan<float> logits, Span<float> probabilities);
}
