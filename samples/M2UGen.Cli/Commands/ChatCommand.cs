using System.CommandLine;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>chat: a conversation, line by line; what music comes is saved as numbered WAV files and is what the next line is about.</summary>
internal static class ChatCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextReader input, TextWriter output, TextWriter error)
    {
        Option<string> folder = new("--output", "-o") { Description = "Where music is saved, as music-1.wav, music-2.wav, …; existing files are kept.", HelpName = "directory", DefaultValueFactory = _ => "." };
        Option<int> history = new("--history") { Description = "How many earlier turns the model is shown, as far as they fit. Default: none, as the reference.", HelpName = "count", CustomParser = NumberParser.ParseCount };
        Command command = new("chat", "Talk to a bundle line by line: the last music is what the next line is about. '/help' lists what else can be said; an empty line or '/quit' ends. With --json, one object a line.") { folder, history };
        PromptSwitch opening = new(command, "prompt", "The first line, said before any is read.", required: false);
        BundleSwitches bundle = new(command, hasBudget: true);
        MediaSwitches media = new(command);
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
            ConversationOptions options = new() { Generation = answer.Read(parsed), Music = music.Read(parsed), MaxHistoryTurns = parsed.GetValue(history) };
            Func<M2UGenRequest, M2UGenRequest> sounds = await music.LoadSoundsAsync(parsed, cancellationToken);
            ChatSession session = new(terminal, pipeline, options, target, request => media.AddKnn(parsed, sounds(request)));

            // Files on the command line belong to the first line; later ones are named by '/audio' and its like.
            session.Attach(request => media.Add(parsed, request));
            terminal.Note(pipeline.CanAnswer ? "Ask, or ask for music. '/help' says what else; '/quit' or an empty line ends." : "This bundle makes music and cannot talk: describe some. '/help' says what else; '/quit' or an empty line ends.");
            bool interactive = ReferenceEquals(input, Console.In) && !Console.IsInputRedirected;
            bool failed = opening.Read(parsed).Trim() is { Length: > 0 } first && !await session.TakeAsync(first, cancellationToken);
            while (await ReadLineAsync(input, terminal, interactive, cancellationToken) is { Length: > 0 } line && line != "/quit")
            {
                failed |= !await session.TakeAsync(line, cancellationToken);
            }

            // Who types has seen what went wrong; a script must be told.
            return failed && !interactive ? ExitCode.Failure : ExitCode.Success;
        });
        return command;
    }

    /// <summary>Reading cannot be interrupted, so it waits on a thread of its own that nobody waits for.</summary>
    private static async Task<string?> ReadLineAsync(TextReader input, Terminal terminal, bool interactive, CancellationToken cancellationToken)
    {
        terminal.Write(interactive ? "> " : "");
        return (await Task.Run(input.ReadLine, CancellationToken.None).WaitAsync(cancellationToken))?.Trim();
    }
}
