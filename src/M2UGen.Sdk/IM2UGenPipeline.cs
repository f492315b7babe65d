using M2UGen.Sdk.Pipeline;

namespace M2UGen.Sdk;

/// <summary>Answers questions and makes music: the surface of <see cref="M2UGenPipeline"/>, for dependency injection and for tests.</summary>
/// <remarks>
/// Implementations are thread-safe. Only <see cref="StreamAsync(M2UGenRequest, CancellationToken)"/> does work; every other call is a fold over its updates.
/// </remarks>
public interface IM2UGenPipeline : IAsyncDisposable
{
    /// <summary>Starts a request that can be refined before it is sent.</summary>
    /// <param name="text">A question, an instruction, or a description of music.</param>
    M2UGenRequest Prompt(string text) => new(this, text);

    /// <summary>Asks for a text answer; no music is made even if the model asks for some.</summary>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no language model.</exception>
    Task<AnswerResult> AskAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).AskAsync(cancellationToken);

    /// <summary>Makes music from a prompt.</summary>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no music decoder.</exception>
    Task<MusicResult> GenerateMusicAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).GenerateMusicAsync(cancellationToken);

    /// <summary>Makes several pieces of music together, which takes less time than one after the other. Each is the piece that its request makes alone with the same seed.</summary>
    /// <param name="requests">What to make, of any lengths: different prompts, or <see cref="M2UGenRequest.Variations"/> of one.</param>
    /// <param name="progress">Told how far all of them are: answers given of the language stage, steps and frames of all pieces together of the music and decode stages. Called on any thread.</param>
    /// <param name="cancellationToken">Stops all of it within one step.</param>
    /// <returns>The pieces, in the order of the requests.</returns>
    /// <remarks>This default makes one after the other and reports each as it runs. Equal: see "Determinism" in docs/limits.md.</remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or a prompt is longer than the model's context.</exception>
    /// <exception cref="MusicNotGeneratedException">The model answered a request with text only.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no music decoder, or it cannot do what a request asks.</exception>
    async Task<IReadOnlyList<MusicResult>> GenerateMusicBatchAsync(IReadOnlyList<M2UGenRequest> requests, IProgress<StageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        List<MusicResult> results = [];
        foreach (M2UGenRequest request in requests)
        {
            M2UGenResult? result = null;
            await foreach (GenerationUpdate update in StreamAsync(request with { Goal = RequestGoal.Music, OnlyResult = progress is null }, cancellationToken).ConfigureAwait(false))
            {
                switch (update)
                {
                    case StageProgress stage:
                        progress?.Report(stage);
                        break;
                    case GenerationCompleted completed:
                        result = completed.Result;
                        break;
                }
            }

            results.Add(result?.Music ?? throw new MusicNotGeneratedException(result?.Text ?? string.Empty));
        }

        return results;
    }

    /// <summary>Describes a piece of music: asks <see cref="M2UGenRequest.CaptionQuestion"/>. For a question of your own, or a file: <c>Prompt(…).WithAudio(…).CaptionMusicAsync()</c>.</summary>
    /// <exception cref="UnsupportedCapabilityException">The bundle cannot hear.</exception>
    Task<AnswerResult> CaptionMusicAsync(AudioClip audio, CancellationToken cancellationToken = default) => Prompt(M2UGenRequest.CaptionQuestion).WithAudio(audio).CaptionMusicAsync(cancellationToken);

    /// <summary>Changes a piece of music as an instruction says; the result is as long as the piece. For a file: <c>Prompt(…).WithAudio(…).EditMusicAsync()</c>.</summary>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle cannot hear, or has no music decoder.</exception>
    Task<MusicResult> EditMusicAsync(string instruction, AudioClip audio, CancellationToken cancellationToken = default) => Prompt(instruction).WithAudio(audio).EditMusicAsync(cancellationToken);

    /// <summary>Begins a conversation, in which the last music is the next turn's input.</summary>
    Conversation StartConversation(ConversationOptions? options = null) => new(this, options);

    /// <summary>Answers, and makes music if the model decides so.</summary>
    Task<M2UGenResult> RunAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).RunAsync(cancellationToken);

    /// <summary>Like <see cref="RunAsync"/>, handing out text and sound while they are made.</summary>
    IAsyncEnumerable<GenerationUpdate> StreamAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).StreamAsync(cancellationToken);

    /// <summary>Runs a request; the last update is <see cref="GenerationCompleted"/>.</summary>
    /// <param name="request">The request; it may have been made by any pipeline.</param>
    /// <param name="cancellationToken">Stops the request within one step.</param>
    IAsyncEnumerable<GenerationUpdate> StreamAsync(M2UGenRequest request, CancellationToken cancellationToken = default);
}
