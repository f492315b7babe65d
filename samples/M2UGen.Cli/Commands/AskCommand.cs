using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>ask: a question to a text answer.</summary>
internal static class AskCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> question = new("question") { Description = "The question or instruction." };
        Command command = new("ask", "Ask the language model of an M2UGen bundle; no music is made.") { question };
        BundleSwitches bundle = new(command);
        AnswerSwitches answer = new(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            long start = Stopwatch.GetTimestamp();
            AnswerResult result = await terminal.WithProgressAsync(async display =>
            {
                await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken);
                display.Show("Writing the answer", 0, 1);
                return await pipeline.Prompt(parsed.GetRequiredValue(question)).WithGeneration(answer.Read(parsed)).AskAsync(cancellationToken);
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
