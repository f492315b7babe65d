using System.Numerics.Tensors;

namespace M2UGen.Sdk.Language.Generation;

/// <summary>Chooses an answer's tokens as <see cref="GenerationOptions"/> say. Not thread-safe; one instance an answer; a choice allocates nothing.</summary>
internal abstract class AnswerSampler
{
    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[vocabulary] logits of the last position; may be overwritten.</param>
    public abstract int Choose(Span<float> logits);

    /// <param name="options">Checked options.</param>
    /// <param name="vocabularySize">Length of the logits.</param>
    /// <param name="seed">Start of the random sequence.</param>
    public static AnswerSampler Create(GenerationOptions options, int vocabularySize, ulong seed) =>
        options.Temperature == 0
            ? new Greedy()
            : throw new UnsupportedCapabilityException("sampling", $"Drawing tokens at random ({vocabularySize} tokens, seed {seed}) is not there yet. Set GenerationOptions.Temperature to 0.");

    /// <summary>The most probable token, the first of them on a tie (reference: argmax at temperature 0).</summary>
    private sealed class Greedy : AnswerSampler
    {
        public override int Choose(Span<float> logits) => TensorPrimitives.IndexOfMax(logits);
    }
}
