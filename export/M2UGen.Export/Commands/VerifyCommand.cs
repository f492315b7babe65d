using System.CommandLine;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Commands;

/// <summary><c>verify</c>: whether a bundle is what its exporter wrote: contract, sizes, SHA-256 of every file.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string> path = new("bundle") { Description = "The bundle's directory." };
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("verify", "Check a bundle's contract and the SHA-256 of every file.") { path, json };
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
        IReadOnlyList<string> differences;
        using (ProgressLines? progress = ProgressLines.OnTerminal(error))
        {
            differences = await bundle.VerifyAsync(progress, cancellationToken).ConfigureAwait(false);
        }

        if (json)
        {
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("bundle", bundle.Directory);
                writer.WriteBoolean("ok", differences.Count == 0);
                writer.WriteString("manifest_sha256", bundle.ManifestSha256);
                writer.WriteStartArray("differences");
                foreach (string difference in differences)
                {
                    writer.WriteStringValue(difference);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            });
        }

        if (differences.Count == 0)
        {
            if (!json)
            {
                await output.WriteLineAsync($"{bundle.Directory}: all {bundle.Files.Count()} files are as they were written.").ConfigureAwait(false);
            }

            return ExporterCommands.Success;
        }

        foreach (string difference in differences)
        {
            await error.WriteLineAsync($"error: {CommandRun.Printable(difference)}").ConfigureAwait(false);
        }

        return ExporterCommands.Failure;
    }
}
