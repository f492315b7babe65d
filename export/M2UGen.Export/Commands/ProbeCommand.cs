using System.CommandLine;
using System.Globalization;
using M2UGen.Export.Bundles;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Export.Commands;

/// <summary><c>probe</c>: runs every component of a bundle on small inputs and writes down what it gives, for <c>m2ugen doctor</c>.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        Argument<string> path = new("bundle") { Description = "The bundle's directory." };
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("probe", "Run every component of a bundle, large ones too, and record a few numbers of each for m2ugen doctor. Replaces what an export has recorded.") { path, json };
        command.SetAction((result, cancellationToken) => CommandRun.GuardAsync(
            result,
            result.GetValue(json),
            output => RunAsync(result.GetRequiredValue(path), result.GetValue(json), output, result.InvocationConfiguration.Error, cancellationToken),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, bool json, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(path);
        ProbeFile file;
        using (ProgressLines progress = new(error, ProgressLines.IsTerminal(error)))
        {
            file = await Task.Run(() => ProbeRecorder.Record(bundle, all: true, progress, cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        if (json)
        {
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("bundle", bundle.Directory);
                writer.WriteStartArray("recorded");
                foreach ((string name, _) in file.Components.Where(component => component.Value.NotProbed is null))
                {
                    writer.WriteStringValue(name);
                }

                writer.WriteEndArray();
                writer.WriteStartObject("not_recorded");
                foreach ((string name, ComponentProbe probe) in file.Components.Where(component => component.Value.NotProbed is not null))
                {
                    writer.WriteString(name, probe.NotProbed);
                }

                writer.WriteEndObject();
                writer.WriteEndObject();
            });
            return ExporterCommands.Success;
        }

        foreach ((string name, ComponentProbe probe) in file.Components)
        {
            string result = probe.NotProbed is { } reason
                ? $"not recorded: {reason}"
                : string.Create(CultureInfo.InvariantCulture, $"{probe.Outputs.Count} outputs, tolerance {probe.Tolerance}");
            await output.WriteLineAsync(CommandRun.Printable($"{name}  {result}")).ConfigureAwait(false);
        }

        return ExporterCommands.Success;
    }
}
