using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>ask and caption: a question, and what it is about, to a text answer.</summary>
internal static class AskCommand
{
    /// <summary>Creates <c>ask</c>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Command command = new("ask", "Ask the language model of an M2UGen bundle, about a sound, a picture or a film too; no music is made.");
        PromptSwitch question = new(command, "question", "The question or instruction.", required: true);
        return Complete(command, question, new MediaSwitches(command), (request, token) => request.AskAsync(token), output, error);
    }

    /// <summary>Creates <c>caption</c>.</summary>
    public static Command CreateCaption(TextWriter output, TextWriter error)
    {
        Command command = new("caption", "Describe a piece of music in words.");
        PromptSwitch question = new(command, "question", $"Another question than \"{M2UGenRequest.CaptionQuestion}\".", required: false);
        return Complete(command, question, new MediaSwitches(command, needsAudio: true), (request, token) => request.CaptionMusicAsync(token), output, error);
    }

    private static Command Complete(
        Command command, PromptSwitch question, MediaSwitches media, Func<M2UGenRequest, CancellationToken, Task<AnswerResult>> send, TextWriter output, TextWriter error)
    {
        BundleSwitches bundle = new(command, hasBudget: true);
        AnswerSwitches answer = new(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            long start = Stopwatch.GetTimestamp();
            AnswerResult result = await terminal.WithProgressAsync(async display =>
            {
                await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken);
                display.Show("Writing the answer", 0, 1);
                return await send(media.Add(parsed, pipeline.Prompt(question.Read(parsed)).WithGeneration(answer.Read(parsed))), cancellationToken);
            });
            terminal.WriteLine(result.Text);
            JsonObject json = ResultJson.Of(result);
            json["elapsed_seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            json["manifest"] = ResultJson.Of(result.Manifest);
            terminal.WriteJson(json);
            return ExitCode.Success;
        });
        return command;
    }
}
