using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>What 'chat' does with a line: a command behind a slash, or a turn of the conversation.</summary>
internal sealed class ChatSession
{
    private const string Help = """
        /audio FILE, /image FILE, /video FILE   for the next line to listen to or look at
        /reset                                  forget everything
        /undo                                   take the last turn back
        /turns                                  what was said so far
        /save FILE, /load FILE                  the words as JSON; the last music lies beside it as a WAV file
        /quit                                   end
        """;

    private readonly Terminal _terminal;
    private readonly IM2UGenPipeline _pipeline;
    private readonly string _folder;
    private readonly Func<M2UGenRequest, M2UGenRequest> _everyTurn;
    private Func<M2UGenRequest, M2UGenRequest> _nextTurn = request => request;
    private Conversation _conversation;

    /// <param name="terminal">Where all goes.</param>
    /// <param name="pipeline">The loaded bundle.</param>
    /// <param name="options">How turns are sent.</param>
    /// <param name="folder">Where music is saved.</param>
    /// <param name="everyTurn">Adds to each request.</param>
    public ChatSession(Terminal terminal, IM2UGenPipeline pipeline, ConversationOptions options, string folder, Func<M2UGenRequest, M2UGenRequest> everyTurn)
    {
        _terminal = terminal;
        _pipeline = pipeline;
        _conversation = pipeline.StartConversation(options);
        _folder = folder;
        _everyTurn = everyTurn;
    }

    /// <summary>Adds to the next turn's request.</summary>
    public void Attach(Func<M2UGenRequest, M2UGenRequest> add)
    {
        Func<M2UGenRequest, M2UGenRequest> before = _nextTurn;
        _nextTurn = request => add(before(request));
    }

    /// <summary>Takes a line. What a user can cause is said in a sentence, and the conversation stays as it was.</summary>
    /// <returns>Whether it went well.</returns>
    public async Task<bool> TakeAsync(string line, CancellationToken cancellationToken)
    {
        try
        {
            if (line[0] == '/')
            {
                await CommandAsync(line, cancellationToken);
            }
            else
            {
                await TurnAsync(line, cancellationToken);
            }

            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && Failure.IsExpected(e))
        {
            Failure failure = Failure.Of(e, cancellationToken);
            _terminal.Fail(failure.Kind, failure.Message);
            return false;
        }
    }

    private async Task CommandAsync(string line, CancellationToken cancellationToken)
    {
        string[] words = line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string file = words.Length > 1 ? words[1] : "";
        switch (words[0])
        {
            case "/help":
                _terminal.WriteLine(Help);
                break;
            case "/audio":
                Attach(Existing(file), (request, path) => request.WithAudio(path));
                break;
            case "/image":
                Attach(Existing(file), (request, path) => request.WithImage(path));
                break;
            case "/video":
                Attach(Existing(file), (request, path) => request.WithVideo(path));
                break;
            case "/reset":
                _conversation.Reset();
                _nextTurn = request => request;
                _terminal.WriteLine("Forgotten.");
                break;
            case "/undo":
                _terminal.WriteLine(_conversation.UndoLast() ? "The last turn is taken back." : "There is no turn to take back.");
                break;
            case "/turns":
                ShowTurns();
                break;
            case "/save":
                await ChatFile.SaveAsync(Named(file), _conversation, cancellationToken);
                _terminal.WriteLine($"Saved {_conversation.Turns.Count} turns.");
                break;
            case "/load":
                _conversation = await ChatFile.LoadAsync(Existing(file), _pipeline, _conversation.Options, cancellationToken);
                _terminal.WriteLine($"Read {_conversation.Turns.Count} turns{(_conversation.LastMusic is null ? "; no music lies beside them" : "")}.");
                break;
            default:
                throw new ArgumentException($"'{words[0]}' is no command. '/help' lists them.");
        }
    }

    private void Attach(string path, Func<M2UGenRequest, string, M2UGenRequest> add)
    {
        Attach(request => add(request, path));
        _terminal.Note($"'{path}' goes with the next line.");
    }

    private static string Named(string file) => file.Length > 0 ? file : throw new ArgumentException("The name of a file is missing.");

    private static string Existing(string file) => File.Exists(Named(file)) ? file : throw new FileNotFoundException($"There is no file '{file}'.", file);

    private void ShowTurns()
    {
        foreach (ConversationTurn turn in _conversation.Turns)
        {
            string music = turn.MusicDuration is { } length ? FormattableString.Invariant($" ♪ {length.TotalSeconds:0.00} s") : "";
            _terminal.WriteLine($"> {turn.Prompt}");
            _terminal.WriteLine($"{turn.Answer}{music}".Trim());
        }
    }

    private async Task TurnAsync(string line, CancellationToken cancellationToken)
    {
        Func<M2UGenRequest, M2UGenRequest> next = _nextTurn;
        M2UGenResult result = await AnswerAsync(line, request => next(_everyTurn(request)), cancellationToken);

        // Only now: a turn that failed can be tried again with the same files.
        _nextTurn = request => request;
        string? path = result.Music is { } made ? await ChatFile.SaveMusicAsync(made, _folder, cancellationToken) : null;
        Show(result, path);
    }

    /// <summary>Text is written as it comes; bars appear while media are encoded and music is made.</summary>
    private async Task<M2UGenResult> AnswerAsync(string line, Func<M2UGenRequest, M2UGenRequest> refine, CancellationToken cancellationToken)
    {
        await using IAsyncEnumerator<GenerationUpdate> updates = _conversation.StreamAsync(line, refine, cancellationToken).GetAsyncEnumerator(cancellationToken);
        bool wrote = false;
        bool more = await updates.MoveNextAsync();
        while (more)
        {
            switch (updates.Current)
            {
                case GenerationCompleted completed:
                    EndLine();
                    return completed.Result;
                case StageProgress { Stage: not GenerationStage.Language }:
                    EndLine();
                    more = await _terminal.WithProgressAsync(display => PassAsync(updates, display));
                    continue;
                case TextDelta text:
                    _terminal.Write(text.Text);
                    wrote = true;
                    break;
            }

            more = await updates.MoveNextAsync();
        }

        throw new M2UGenException("The stream of updates ended without its result.");

        void EndLine()
        {
            if (wrote)
            {
                _terminal.WriteLine("");
                wrote = false;
            }
        }
    }

    /// <summary>Shows stages until something else comes: the language model's turn, or the end.</summary>
    private static async Task<bool> PassAsync(IAsyncEnumerator<GenerationUpdate> updates, IStageDisplay display)
    {
        do
        {
            switch (updates.Current)
            {
                case StageProgress { Stage: not GenerationStage.Language } progress:
                    display.Show(progress);
                    break;
                case AudioChunk:
                    break;
                default:
                    return true;
            }
        }
        while (await updates.MoveNextAsync());

        return false;
    }

    private void Show(M2UGenResult result, string? path)
    {
        if (result.Music is { } music)
        {
            _terminal.WriteLine(FormattableString.Invariant($"{path}: {music.Audio.Duration.TotalSeconds:0.00} s, seed {music.Seed}"));
        }

        JsonObject json = new()
        {
            ["answer"] = result.Answer is { } answer ? ResultJson.Of(answer) : null,
            ["music"] = result.Music is { } made ? ResultJson.Of(made, path) : null,
        };
        _terminal.WriteJson(json, onOneLine: true);
    }
}
