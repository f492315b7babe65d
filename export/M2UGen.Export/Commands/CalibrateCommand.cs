using System.CommandLine;
using M2UGen.Export.Bundles;
using M2UGen.Export.Calibration;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Commands;

/// <summary><c>calibrate</c>: measures the scales of caches in 8 bits, which an export of a large model only estimates.</summary>
internal static class CalibrateCommand
{
    public static Command Create()
    {
        Argument<string> path = new("bundle") { Description = "The bundle's directory." };
        Option<int> threads = new("--threads") { Description = "Threads of one operator; 0 is one a core." };
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("calibrate", "Measure how large the language models' keys and values become, for caches in 8 bits.") { path, threads, json };
        command.SetAction((result, cancellationToken) => CommandRun.GuardAsync(
            result,
            result.GetValue(json),
            output => RunAsync(result.GetRequiredValue(path), result.GetValue(threads), result.GetValue(json), output, result.InvocationConfiguration.Error, cancellationToken),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, int threads, bool json, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(path);
        IReadOnlyList<string> components = CacheCalibrator.ComponentsOf(bundle.Manifest);
        if (components.Count == 0)
        {
            throw new ExportException(bundle.Directory, $"No component of '{bundle.Directory}' keeps its keys and values in 8 bits, so there is nothing to measure. Export with --kv_cache int8, or --precision int8 or int4.");
        }

        using (ProgressLines progress = new(error, ProgressLines.IsTerminal(error)))
        {
            await Task.Run(
                () => CacheCalibrator.Calibrate(bundle.Directory, components, threads, component => progress.Report(new ExportProgress(ExportStage.Calibrate, component)), cancellationToken),
                cancellationToken).ConfigureAwait(false);
        }

        ProbeRecorder.Follow(bundle);
        if (json)
        {
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("bundle", bundle.Directory);
                writer.WriteString("manifest_sha256", ModelBundle.Open(path).ManifestSha256);
                writer.WriteStartArray("components");
                foreach (string component in components)
                {
                    writer.WriteStringValue(component);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            });
        }
        else
        {
            await output.WriteLineAsync($"{bundle.Directory}: measured the cache of {string.Join(", ", components)}.").ConfigureAwait(false);
        }

        return ExporterCommands.Success;
    }
}
