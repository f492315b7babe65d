using System.Runtime.CompilerServices;
using M2UGen.Sdk.Conversations;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Pipeline;

namespace M2UGen.Sdk;

/// <summary>
/// Turns that belong together: the music that a turn makes is what the next one listens to, so that "now without the drums" means something. As in the reference's demo
/// page, earlier words are not put into the prompt unless <see cref="ConversationOptions.MaxHistoryTurns"/> says so.
/// </summary>
/// <remarks>
/// <para>
/// Members may be called from any thread. One turn runs at a time: to send, reset or undo while a turn is under way is an <see cref="InvalidOperationException"/>,
/// because nobody could say what that turn listens to. Everything else may be read meanwhile and shows the conversation before the turn. For two turns at once, <see cref="Branch"/>.
/// </para>
/// <para>A turn that fails, is cancelled, or whose stream is left early changes nothing. Music is handed on as it was made, not clipped and not rounded.
/// Nothing to dispose; the pipeline stays the caller's.</para>
/// </remarks>
public sealed class Conversation
{
    private readonly IM2UGenPipeline _pipeline;
    private readonly Lock _gate = new();
    private ConversationState _state;
    private bool _busy;

    internal Conversation(IM2UGenPipeline pipeline, ConversationOptions? options)
        : this(pipeline, options ?? ConversationOptions.Default, ConversationState.Empty)
    {
    }

    private Conversation(IM2UGenPipeline pipeline, ConversationOptions options, ConversationState state)
    {
        OptionsCheck check = new();
        options.Check(check);
        check.ThrowIfAny();
        _pipeline = pipeline;
        Options = options;
        _state = state;
    }

    /// <summary>How turns are sent unless a turn says otherwise.</summary>
    public ConversationOptions Options { get; }

    /// <summary>The complete turns, oldest first: a snapshot that does not change.</summary>
    public IReadOnlyList<ConversationTurn> Turns => State.Turns;

    /// <summary>What the next turn listens to: the music made last, or what <see cref="SetLastMusic"/> put there; null for none.</summary>
    public AudioClip? LastMusic => State.LastMusic;

    private ConversationState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    /// <summary>Reads a conversation that <see cref="ToJson"/> wrote, in this version or an earlier one, to go on with it.</summary>
    /// <param name="pipeline">The pipeline that goes on; it need not be the one that began.</param>
    /// <param name="json">The text. It holds no sound: give the last music back with <see cref="SetLastMusic"/> if it shall be heard.</param>
    /// <param name="options">How further turns are sent; null for the options that were saved.</param>
    /// <exception cref="FormatException">The text is no such conversation, or one of a newer version.</exception>
    public static Conversation FromJson(IM2UGenPipeline pipeline, string json, ConversationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(json);
        (ConversationOptions saved, IReadOnlyList<ConversationTurn> turns) = ConversationFile.Read(json);
        ConversationState state = turns.Aggregate(ConversationState.Empty, (before, turn) => before.With(turn));
        return new Conversation(pipeline, options ?? saved, state);
    }

    /// <summary>Says something and waits for all that comes back.</summary>
    /// <param name="text">A question, an instruction, or a description of music.</param>
    /// <param name="refine">Adds to this turn's request, such as <c>turn => turn.WithImage("beach.jpg")</c>; null for words alone.</param>
    /// <param name="cancellationToken">Stops the turn within one step.</param>
    /// <exception cref="ArgumentException">An option is out of its range, the text is empty, or longer than the model's context.</exception>
    /// <exception cref="InvalidOperationException">Another turn is under way.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks a part that the turn needs.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<M2UGenResult> SendAsync(string text, Func<M2UGenRequest, M2UGenRequest>? refine = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        await foreach (GenerationUpdate update in StreamAsync(text, refine, onlyResult: true, cancellationToken).ConfigureAwait(false))
        {
            if (update is GenerationCompleted completed)
            {
                return completed.Result;
            }
        }

        throw new M2UGenException("The stream of updates ended without its result.");
    }

    /// <summary>Says something and hands out text, sound and progress while they are made; the last update is <see cref="GenerationCompleted"/>.</summary>
    /// <remarks>The turn begins with the first update that is asked for, and is part of the conversation when the last one has come.</remarks>
    /// <inheritdoc cref="SendAsync"/>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(string text, Func<M2UGenRequest, M2UGenRequest>? refine = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return StreamAsync(text, refine, onlyResult: false, cancellationToken);
    }

    /// <summary>A copy that goes its own way from here. Turns and music are shared, not copied.</summary>
    public Conversation Branch() => new(_pipeline, Options, State);

    /// <summary>Forgets everything: the turns and the last music.</summary>
    /// <exception cref="InvalidOperationException">A turn is under way.</exception>
    public void Reset() => Change(_ => ConversationState.Empty);

    /// <summary>Takes the last turn back: the music before it is the last music again.</summary>
    /// <returns>False where there is no turn.</returns>
    /// <exception cref="InvalidOperationException">A turn is under way.</exception>
    public bool UndoLast()
    {
        bool any = false;
        Change(state =>
        {
            any = state.Before is not null;
            return state.Before ?? state;
        });
        return any;
    }

    /// <summary>Replaces what the next turn listens to: music from elsewhere, or the saved music of a conversation that was read from JSON; null for nothing.</summary>
    /// <exception cref="InvalidOperationException">A turn is under way.</exception>
    public void SetLastMusic(AudioClip? music) => Change(state => state with { LastMusic = music });

    /// <summary>The conversation as one JSON object: options, words, settings, hashes; no sound, no pictures, no file names.</summary>
    public string ToJson() => ConversationFile.Write(Options, State.Turns);

    private async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        string text, Func<M2UGenRequest, M2UGenRequest>? refine, bool onlyResult, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ConversationState before = Begin();
        try
        {
            M2UGenRequest request = RequestOf(text, refine, before) with { OnlyResult = onlyResult };
            await foreach (GenerationUpdate update in _pipeline.StreamAsync(request, cancellationToken).ConfigureAwait(false))
            {
                if (update is GenerationCompleted completed)
                {
                    // Before it is told: whoever has seen the end finds the turn.
                    End(before.With(TurnOf(request, completed.Result)));
                }

                yield return update;
            }
        }
        finally
        {
            lock (_gate)
            {
                _busy = false;
            }
        }
    }

    private M2UGenRequest RequestOf(string text, Func<M2UGenRequest, M2UGenRequest>? refine, ConversationState state)
    {
        M2UGenRequest request = new M2UGenRequest(_pipeline, text).WithGeneration(Options.Generation).WithMusic(Options.Music);
        if (Options.Fidelity is { } fidelity)
        {
            request = request.WithFidelity(fidelity);
        }

        if (refine is not null)
        {
            request = refine(request) ?? throw new ArgumentException("The function gave null instead of the request to send.", nameof(refine));
        }

        return request with
        {
            Media = request.Media with { LastMusic = Options.HearsLastMusic ? state.LastMusic : null },
            History = [.. state.Turns.TakeLast(Options.MaxHistoryTurns).Select(turn => new PastTurn(turn.Prompt, turn.Answer))],
        };
    }

    private static ConversationTurn TurnOf(M2UGenRequest request, M2UGenResult result) => new()
    {
        Prompt = request.Prompt,
        Answer = result.Text,
        Manifest = result.Manifest,
        Music = result.Music,
        MusicDuration = result.Music?.Audio.Duration,
        MusicHash = result.Music is { } music ? ContentHash.Of(music.Audio) : null,
    };

    private ConversationState Begin()
    {
        lock (_gate)
        {
            ThrowIfBusy();
            _busy = true;
            return _state;
        }
    }

    private void End(ConversationState state)
    {
        lock (_gate)
        {
            _state = state;
        }
    }

    private void Change(Func<ConversationState, ConversationState> change)
    {
        lock (_gate)
        {
            ThrowIfBusy();
            _state = change(_state);
        }
    }

    private void ThrowIfBusy()
    {
        if (_busy)
        {
            throw new InvalidOperationException("A turn of this conversation is under way. Wait for its result, leave its stream, or go on in a Branch().");
        }
    }
}
