using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music;

/// <summary>The hidden states of the music tokens to an embedding for the music decoder (M2UGen, arXiv:2311.11255, reference llama/projector.py).</summary>
/// <remarks>
/// Thread-safe. Trained on ten times the text encoder's output, so <see cref="Project"/> divides by 10.
/// The embeddings of the music tokens themselves, which the reference adds to the states, are part of the graph.
/// </remarks>
internal sealed class OutputProjector(ModelSet models)
{
    public const string Component = "projector";

    /// <summary>What the training target was multiplied with.</summary>
    public const float TrainingScale = 10;

    /// <summary>The graph's own output: ten times an embedding.</summary>
    /// <param name="hiddenStates">[tokens, dim]: states before the final norm at the positions that predicted [AUD0], [AUD1], ….</param>
    /// <param name="tokens">Music tokens, 8 as published.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>MusicGen: [positions × width]; AudioLDM2: see <see cref="SplitAudioLdm2"/>.</returns>
    public float[] ProjectRaw(ReadOnlySpan<float> hiddenStates, int tokens, CancellationToken cancellationToken)
    {
        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor states = NativeTensor.Of(hiddenStates, 1, tokens, hiddenStates.Length / tokens);
        run.BindInput("hidden_states", states);
        run.BindOutputToAllocated("embedding");
        run.Run(cancellationToken);
        using NativeTensor embedding = run.TakeOutput("embedding");
        return embedding.AsSpan<float>().ToArray();
    }

    /// <summary>The embedding that stands in for the text encoder's output.</summary>
    /// <inheritdoc cref="ProjectRaw"/>
    public float[] Project(ReadOnlySpan<float> hiddenStates, int tokens, CancellationToken cancellationToken)
    {
        float[] embedding = ProjectRaw(hiddenStates, tokens, cancellationToken);
        for (int i = 0; i < embedding.Length; i++)
        {
            embedding[i] /= TrainingScale;
        }

        return embedding;
    }

    /// <summary>AudioLDM2: the embedding's two parts, [positions, T5 width] and [vectors, GPT-2 width].</summary>
    /// <param name="embedding">The whole, positions first.</param>
    /// <param name="positions">T5 positions, 128 as published.</param>
    /// <param name="textWidth">Width of T5, 1024 as published.</param>
    /// <exception cref="ArgumentException">The embedding is shorter than its first part.</exception>
    public static (ReadOnlyMemory<float> PromptEmbeds, ReadOnlyMemory<float> GeneratedPromptEmbeds) SplitAudioLdm2(ReadOnlyMemory<float> embedding, int positions, int textWidth)
    {
        long first = (long)positions * textWidth;
        return first <= embedding.Length
            ? (embedding[..(int)first], embedding[(int)first..])
            : throw new ArgumentException($"The embedding has {embedding.Length} values; expected {positions} x {textWidth} and more.", nameof(embedding));
    }
}
