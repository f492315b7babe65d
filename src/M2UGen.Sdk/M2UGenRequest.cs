using M2UGen.Sdk.Pipeline;

namespace M2UGen.Sdk;

/// <summary>One prompt with everything that goes with it. Immutable: every <c>With…</c> returns a changed copy, so a request can be kept and sent again.</summary>
/// <remarks>Thread-safe. Options are checked together when the request is sent, before any work.</remarks>
public sealed record M2UGenRequest
{
    private readonly IM2UGenPipeline _pipeline;

    /// <summary>Makes a request for <paramref name="pipeline"/>; usually <see cref="M2UGenPipeline.Prompt"/> does.</summary>
    public M2UGenRequest(IM2UGenPipeline pipeline, string prompt)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(prompt);
        _pipeline = pipeline;
        Prompt = prompt;
    }

    /// <summary>The question, instruction or description. The language model's template is put around it.</summary>
    public string Prompt { get; }

    /// <summary>How the answer's tokens are chosen.</summary>
    /// <value><see cref="GenerationOptions.Default"/>.</value>
    public GenerationOptions Generation { get; private init; } = GenerationOptions.Default;

    /// <summary>What music to make.</summary>
    /// <value><see cref="MusicOptions.Default"/>.</value>
    public MusicOptions Music { get; private init; } = MusicOptions.Default;

    /// <summary>Which habits of the reference are kept.</summary>
    /// <value>Null: those of <see cref="PipelineOptions.Fidelity"/>.</value>
    public Fidelity? Fidelity { get; private init; }

    /// <summary>Sound that the music goes on from; it comes first in the result.</summary>
    public AudioClip? AudioPrompt { get; private init; }

    /// <summary>Sound whose pitches the music follows; melody models only.</summary>
    public AudioClip? Melody { get; private init; }

    /// <summary>What the caller waits for.</summary>
    internal RequestGoal Goal { get; private init; } = RequestGoal.Either;

    /// <summary>Nobody looks at the updates but the last: none of the others is made.</summary>
    internal bool OnlyResult { get; private init; }

    /// <summary>Replaces the settings of the answer.</summary>
    public M2UGenRequest WithGeneration(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return this with { Generation = options };
    }

    /// <summary>Replaces the settings of the music.</summary>
    public M2UGenRequest WithMusic(MusicOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return this with { Music = options };
    }

    /// <summary>Chooses which habits of the reference this request keeps.</summary>
    public M2UGenRequest WithFidelity(Fidelity fidelity)
    {
        ArgumentNullException.ThrowIfNull(fidelity);
        return this with { Fidelity = fidelity };
    }

    /// <summary>Lets the music go on from a piece of sound, of any rate and number of channels.</summary>
    public M2UGenRequest WithAudioPrompt(AudioClip audio)
    {
        ArgumentNullException.ThrowIfNull(audio);
        return this with { AudioPrompt = audio };
    }

    /// <summary>Lets the music follow the pitches of a piece of sound, of any rate and number of channels (melody models only).</summary>
    public M2UGenRequest WithMelody(AudioClip audio)
    {
        ArgumentNullException.ThrowIfNull(audio);
        return this with { Melody = audio };
    }

    /// <summary>Asks for the text answer; no music is made even if the model asks for some.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no language model.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<AnswerResult> AskAsync(CancellationToken cancellationToken = default)
    {
        M2UGenResult result = await CompleteAsync(RequestGoal.Answer, cancellationToken).ConfigureAwait(false);
        return result.Answer ?? throw new UnsupportedCapabilityException("text answers", "The pipeline gave no text answer.");
    }

    /// <summary>Makes music.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only; the exception carries it.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no music decoder, or it cannot do what the request asks.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<MusicResult> GenerateMusicAsync(CancellationToken cancellationToken = default)
    {
        M2UGenResult result = await CompleteAsync(RequestGoal.Music, cancellationToken).ConfigureAwait(false);
        return result.Music ?? throw new MusicNotGeneratedException(result.Text);
    }

    /// <summary>Answers, and makes music if the model decides so.</summary>
    /// <remarks>A bundle without a music decoder gives the answer alone, with <see cref="AnswerResult.AsksForMusic"/> set where music was wanted.</remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<M2UGenResult> RunAsync(CancellationToken cancellationToken = default) => CompleteAsync(RequestGoal.Either, cancellationToken);

    /// <summary>Like <see cref="RunAsync"/>, handing out text, sound and progress while they are made.</summary>
    /// <remarks>
    /// Leaving the loop early stops the work. A slow reader holds generation back, so do not wait inside the loop for another request of the same pipeline.
    /// </remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(CancellationToken cancellationToken = default) => _pipeline.StreamAsync(this, cancellationToken);

    private async Task<M2UGenResult> CompleteAsync(RequestGoal goal, CancellationToken cancellationToken)
    {
        M2UGenRequest request = this with { Goal = goal, OnlyResult = true };
        await foreach (GenerationUpdate update in _pipeline.StreamAsync(request, cancellationToken).ConfigureAwait(false))
        {
            if (update is GenerationCompleted completed)
            {
                return completed.Result;
            }
        }

        throw new M2UGenException("The stream of updates ended without its result.");
    }
}
