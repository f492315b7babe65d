using System.CommandLine;
using System.Diagnostics;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>generate and edit: words, and what they speak of, to a WAV file.</summary>
internal static class GenerateCommand
{
    /// <summary>Creates <c>generate</c>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Command command = new("generate", "Make music from words, and from a sound, a picture or a film, and write it as a WAV file.");
        PromptSwitch prompt = new(command, "prompt", "What the music shall be like, or an instruction to an M2UGen bundle.", required: false);
        return Complete(command, prompt, new MediaSwitches(command), output, error);
    }

    /// <summary>Creates <c>edit</c>.</summary>
    public static Command CreateEdit(TextWriter output, TextWriter error)
    {
        Command command = new("edit", "Change a piece of music as an instruction says, and write the result as a WAV file, as long as the piece.");
        PromptSwitch instruction = new(command, "instruction", "What to change, such as \"Swap the drums for hand claps\".", required: true);
        return Complete(command, instruction, new MediaSwitches(command, needsAudio: true), output, error);
    }

    private static Command Complete(Command command, PromptSwitch prompt, MediaSwitches media, TextWriter output, TextWriter error)
    {
        MusicFile file = new(command);
        BundleSwitches bundle = new(command);
        MusicSwitches music = new(command);
        AnswerSwitches answer = new(command, "answer-");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            file.ThrowIfNotWritable(parsed, terminal);
            long start = Stopwatch.GetTimestamp();
            MusicResult result = await terminal.WithProgressAsync(async display =>
            {
                await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken);
                ThrowIfSilent(pipeline);
                M2UGenRequest request = pipeline.Prompt(prompt.Read(parsed)).WithMusic(music.Read(parsed)).WithGeneration(answer.Read(parsed));
                Func<M2UGenRequest, M2UGenRequest> sounds = await music.LoadSoundsAsync(parsed, cancellationToken);
                return await MusicRun.RunAsync(sounds(media.Add(parsed, request)), display, cancellationToken);
            });
            await file.WriteAsync(parsed, terminal, result, Stopwatch.GetElapsedTime(start), cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    private static void ThrowIfSilent(M2UGenPipeline pipeline)
    {
        if (!pipeline.CanGenerateMusic)
        {
            throw new UnsupportedCapabilityException("music", $"This bundle of family '{pipeline.Family}' makes no music: it was exported without a decoder. Use 'ask', or export it with --music_decoder_path.");
        }
    }
}
