using System.CommandLine;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Cli.Commands;

/// <summary>doctor: what is wrong with an installation or a bundle, the verdict last.</summary>
internal static class DoctorCommand
{
    private const int StatusWidth = 11;
    private const int NameWidth = 20;

    /// <summary>Creates the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Command command = new("doctor", "Examine the installation and a bundle: versions, native library, providers, processor, memory, threads, media tools, files, and whether every component computes what it did when it was exported.");
        BundleSwitches bundle = new(command);
        Option<bool> deep = new("--deep") { Description = "Compare the SHA-256 of every file of the bundle too." };
        command.Add(deep);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            RuntimeOptions runtime = bundle.Runtime(parsed);
            DoctorOptions options = new()
            {
                BundlePath = bundle.Locate(parsed),
                CudaDeviceId = runtime.Provider == ExecutionProviderKind.Cuda ? runtime.DeviceId : null,
                DirectMLDeviceId = runtime.Provider == ExecutionProviderKind.DirectML ? runtime.DeviceId : null,
                VerifiesFiles = parsed.GetValue(deep),
                Pipeline = new PipelineOptions { Threads = runtime.Threads > 0 ? runtime.Threads : null },
            };
            DoctorReport report = await terminal.WithProgressAsync(display => M2UGenDoctor.ExamineAsync(options, new Steps(display), cancellationToken));
            Write(terminal, report);
            return report.IsHealthy ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }

    private static void Write(Terminal terminal, DoctorReport report)
    {
        foreach (IGrouping<string, DoctorFinding> section in report.Findings.GroupBy(finding => finding.Section))
        {
            terminal.WriteLine(section.Key);
            foreach (DoctorFinding finding in section)
            {
                terminal.WriteLine($"  {Word(finding.Status).PadRight(StatusWidth)} {finding.Name.PadRight(NameWidth)} {finding.Message}");
                foreach (string detail in finding.Details)
                {
                    terminal.WriteLine($"  {"".PadRight(StatusWidth + NameWidth + 1)} {detail}");
                }
            }
        }

        terminal.WriteLine(report.Summary);
        terminal.WriteJson(new JsonObject
        {
            ["healthy"] = report.IsHealthy,
            ["verdict"] = Word(report.Verdict),
            ["summary"] = report.Summary,
            ["findings"] = new JsonArray([.. report.Findings.Select(finding => new JsonObject
            {
                ["section"] = finding.Section,
                ["name"] = finding.Name,
                ["status"] = Word(finding.Status),
                ["message"] = finding.Message,
                ["details"] = new JsonArray([.. finding.Details.Select(detail => JsonValue.Create(detail))]),
            })]),
        });
    }

    private static string Word(DoctorStatus status) => status switch
    {
        DoctorStatus.Ok => "ok",
        DoctorStatus.NotChecked => "not checked",
        DoctorStatus.Warning => "warning",
        _ => "failed",
    };

    /// <summary>Progress without Progress{T}'s thread hop.</summary>
    private sealed class Steps(IStageDisplay display) : IProgress<DoctorProgress>
    {
        public void Report(DoctorProgress value) => display.Show("Examining", value.Fraction, 1);
    }
}
