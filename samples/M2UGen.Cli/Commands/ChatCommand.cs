using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>chat: line after line to the same loaded bundle; what music comes is saved as numbered WAV files.</summary>
/// <remarks>As in the reference's demo page, every line stands alone: the model is not shown what was said before.</remarks>
internal static class ChatCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextReader input, TextWriter output, TextWriter error)
    {
        Option<string> folder = new("--output", "-o") { Description = "Where music is saved, as music-1.wav, music-2.wav, …; existing files are kept.", HelpName = "directory", DefaultValueFactory = _ => "." };
        Command command = new("chat", "Talk to a bundle line by line; an empty line or '/quit' ends. With --json, one object a line.") { folder };
        BundleSwitches bundle = new(command);
        MusicSwitches music = new(command);
        AnswerSwitches answer = new(command, "answer-");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            string target = parsed.GetRequiredValue(folder);
            if (!Directory.Exists(target))
            {
                throw new DirectoryNotFoundException($"The directory '{target}' for the music does not exist. Make it, or give --output another one.");
            }

            await using M2UGenPipeline pipeline = await terminal.WithProgressAsync(display => bundle.LoadAsync(parsed, display, cancellationToken));
            terminal.Note(pipeline.CanAnswer ? "Ask, or ask for music. '/quit' or an empty line ends." : "This bundle makes music and cannot talk: describe some. '/quit' or an empty line ends.");
            while (await ReadLineAsync(input, terminal, cancellationToken) is { Length: > 0 } line && line != "/quit")
            {
                M2UGenRequest request = pipeline.Prompt(line).WithMusic(music.Read(parsed)).WithGeneration(answer.Read(parsed));
                request = await music.AddSoundsAsync(parsed, request, cancellationToken);
                M2UGenResult result = await AnswerAsync(terminal, request, cancellationToken);
                string? path = result.Music is { } made ? await SaveAsync(made, target, cancellationToken) : null;
                Show(terminal, result, path);
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Reading cannot be interrupted, so it waits on a thread of its own that nobody waits for.</summary>
    private static async Task<string?> ReadLineAsync(TextReader input, Terminal terminal, CancellationToken cancellationToken)
    {
        terminal.Write(Console.IsInputRedirected || !ReferenceEquals(input, Console.In) ? "" : "> ");
        return (await Task.Run(input.ReadLine, CancellationToken.None).WaitAsync(cancellationToken))?.Trim();
    }

    /// <summary>Text is written as it comes; bars appear when the music begins.</summary>
    private static async Task<M2UGenResult> AnswerAsync(Terminal terminal, M2UGenRequest request, CancellationToken cancellationToken)
    {
        await using IAsyncEnumerator<GenerationUpdate> updates = request.StreamAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        bool wrote = false;
        while (await updates.MoveNextAsync())
        {
            switch (updates.Current)
            {
                case TextDelta text:
                    terminal.Write(text.Text);
                    wrote = true;
                    break;
                case StageProgress { Stage: GenerationStage.Music }:
                    EndLine();
                    return await terminal.WithProgressAsync(display => RestAsync(updates, display));
                case GenerationCompleted completed:
                    EndLine();
                    return completed.Result;
            }
        }

        throw new M2UGenException("The stream of updates ended without its result.");

        void EndLine()
        {
            if (wrote)
            {
                terminal.WriteLine("");
            }
        }
    }

    private static async Task<M2UGenResult> RestAsync(IAsyncEnumerator<GenerationUpdate> updates, IStageDisplay display)
    {
        do
        {
            switch (updates.Current)
            {
                case StageProgress progress:
                    display.Show(progress);
                    break;
                case GenerationCompleted completed:
                    return completed.Result;
            }
        }
        while (await updates.MoveNextAsync());

        throw new M2UGenException("The stream of updates ended without its result.");
    }

    private static async Task<string> SaveAsync(MusicResult music, string folder, CancellationToken cancellationToken)
    {
        int number = 1;
        string path;
        do
        {
            path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"music-{number++}.wav"));
        }
        while (File.Exists(path));

        await music.Audio.SaveAsync(path, new WavOptions { Comment = music.Manifest.ToJson() }, cancellationToken);
        return path;
    }

    private static void Show(Terminal terminal, M2UGenResult result, string? path)
    {
        if (result.Music is { } music)
        {
            terminal.WriteLine(FormattableString.Invariant($"{path}: {music.Audio.Duration.TotalSeconds:0.00} s, seed {music.Seed}"));
        }

        JsonObject json = new()
        {
            ["answer"] = result.Answer is { } answer ? ResultJson.Of(answer) : null,
            ["music"] = result.Music is { } made ? ResultJson.Of(made, path) : null,
        };
        terminal.WriteJson(json, onOneLine: true);
    }
}
