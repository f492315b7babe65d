using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
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
        Option<int> count = new("--count", "-n") { Description = "Pieces of each prompt, with seeds that count up; they are made together.", HelpName = "count", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 1 };
        count.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) && value is < 1 or > 1000)
            {
                result.AddError("--count must be from 1 to 1000.");
            }
        });
        Command command = new("generate", "Make music from words, and from a sound, a picture or a film, and write it as a WAV file. Several prompts are made together, and written as numbered files.");
        PromptSwitch prompt = new(command, "prompt", "What the music shall be like, or an instruction to an M2UGen bundle.", required: false, several: true);
        command.Add(count);
        return Complete(command, prompt, parsed => parsed.GetValue(count), new MediaSwitches(command), output, error);
    }

    /// <summary>Creates <c>edit</c>.</summary>
    public static Command CreateEdit(TextWriter output, TextWriter error)
    {
        Command command = new("edit", "Change a piece of music as an instruction says, and write the result as a WAV file, as long as the piece.");
        PromptSwitch instruction = new(command, "instruction", "What to change, such as \"Swap the drums for hand claps\".", required: true);
        return Complete(command, instruction, _ => 1, new MediaSwitches(command, needsAudio: true), output, error);
    }

    private static Command Complete(Command command, PromptSwitch prompt, Func<ParseResult, int> countOf, MediaSwitches media, TextWriter output, TextWriter error)
    {
        MusicFile file = new(command);
        BundleSwitches bundle = new(command, hasBudget: true);
        MusicSwitches music = new(command);
        AnswerSwitches answer = new(command, "answer-");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            IReadOnlyList<string> prompts = prompt.ReadAll(parsed);
            int count = countOf(parsed);
            file.ThrowIfNotWritable(parsed, terminal, prompts.Count * count);
            long start = Stopwatch.GetTimestamp();
            IReadOnlyList<MusicResult> results = await terminal.WithProgressAsync(async display =>
            {
                await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken);
                ThrowIfSilent(pipeline);
                Func<M2UGenRequest, M2UGenRequest> sounds = await music.LoadSoundsAsync(parsed, cancellationToken);
                M2UGenRequest[] requests = [.. prompts.SelectMany(words =>
                {
                    M2UGenRequest request = sounds(media.Add(parsed, pipeline.Prompt(words).WithMusic(music.Read(parsed)).WithGeneration(answer.Read(parsed))));
                    return count > 1 ? request.Variations(count) : [request];
                })];
                return requests.Length == 1
                    ? [await MusicRun.RunAsync(requests[0], display, cancellationToken)]
                    : await pipeline.GenerateMusicBatchAsync(requests, display.ForStages(), cancellationToken);
            });
            await file.WriteAsync(parsed, terminal, results, Stopwatch.GetElapsedTime(start), cancellationToken);
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
