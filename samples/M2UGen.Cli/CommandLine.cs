using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.Json.Nodes;
using M2UGen.Cli.Commands;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Export.Commands;
using M2UGen.Sdk;

namespace M2UGen.Cli;

/// <summary>The commands, and what becomes of their failures.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command line; never throws for what a user can cause.</summary>
    /// <param name="args">As given to the program.</param>
    /// <param name="input">Where 'chat' reads its lines.</param>
    /// <param name="output">For results.</param>
    /// <param name="error">For progress and messages.</param>
    /// <param name="cancellationToken">Stops the command within one step.</param>
    /// <returns>A value of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextReader input, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        ParseResult parsed = CreateRoot(input, output, error).Parse(args);
        string? mistake = PromptSwitch.MistypedSwitch(parsed);
        if (mistake is not null || parsed.Action is ParseErrorAction)
        {
            string says = mistake is not null ? $"There is no switch '{mistake}'. Words that begin so go behind '--'." : string.Join(Environment.NewLine, parsed.Errors.Select(e => e.Message));
            return await FailAsync(ExitCode.Usage, "usage", $"{says}{Environment.NewLine}Run '{NameOf(parsed)} --help' for what is possible.");
        }

        InvocationConfiguration configuration = new()
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,

            // The caller's token is the only way to stop; the library's own signal handling would end the process under a running model.
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
#pragma warning disable CA1031 // The last resort of a program: whatever it is, say it and end with a failure.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failure failure = Failure.Of(e, cancellationToken);
            return await FailAsync(failure.Code, failure.Kind, failure.Message);
        }

        async Task<int> FailAsync(int code, string kind, string message)
        {
            if (args.Contains("--json", StringComparer.Ordinal))
            {
                await output.WriteLineAsync(new JsonObject { ["error"] = kind, ["message"] = message }.ToJsonString(Terminal.JsonStyle));
            }
            else
            {
                await error.WriteLineAsync(Terminal.Printable(message));
            }

            return code;
        }
    }

    private static RootCommand CreateRoot(TextReader input, TextWriter output, TextWriter error) => new("Questions about music, pictures and films, and music for them, with M2UGen and MusicGen on ONNX Runtime.")
    {
        GenerateCommand.Create(output, error),
        GenerateCommand.CreateEdit(output, error),
        AskCommand.Create(output, error),
        AskCommand.CreateCaption(output, error),
        ChatCommand.Create(input, output, error),
        BenchCommand.Create(output, error),
        DoctorCommand.Create(output, error),
        PlanCommand.Create(output, error),
        ExporterCommands.Export(),
        ExporterCommands.Inspect(),
        ExporterCommands.Verify(),
        ExporterCommands.Compare(),
        ExporterCommands.Calibrate(),
        ExporterCommands.Probe(),
        ExporterCommands.Synth(),
    };

    private static string NameOf(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "m2ugen" : $"m2ugen {parsed.CommandResult.Command.Name}";
}
