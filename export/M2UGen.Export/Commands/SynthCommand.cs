using System.CommandLine;
using System.Globalization;
using M2UGen.Export.Synthesis;

namespace M2UGen.Export.Commands;

/// <summary><c>synth</c>: a checkpoint of a published size with made-up weights, to try size and speed with.</summary>
internal static class SynthCommand
{
    private const int MostLayers = 1024;

    public static Command Create()
    {
        Option<string> like = new("--like") { Description = $"The model: {string.Join(", ", Synthesizer.Models)}.", Required = true };
        like.AcceptOnlyFromAmong([.. Synthesizer.Models]);
        Option<string> output = new("--output", "-o") { Description = "The directory to make.", Required = true };
        Option<ulong> seed = new("--seed") { Description = "Decides all weights: the same seed gives the same files.", DefaultValueFactory = _ => 0 };
        Option<int?> layers = new("--layers") { Description = "Fewer layers of the language model than published (of MusicGen's decoder, of AudioLDM2's GPT-2), for small disks." };
        layers.Validators.Add(option =>
        {
            if (option.GetValueOrDefault<int?>() is < 1 or > MostLayers)
            {
                option.AddError(string.Create(CultureInfo.InvariantCulture, $"A model has 1 to {MostLayers} layers."));
            }
        });
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("synth", "Write a checkpoint of a published size with made-up weights: for trying size and speed, not for listening.") { like, output, seed, layers, json };
        command.SetAction((result, cancellationToken) =>
        {
            (string Like, string Output, ulong Seed, int? Layers, bool Json) options =
                (result.GetRequiredValue(like), result.GetRequiredValue(output), result.GetValue(seed), result.GetValue(layers), result.GetValue(json));
            return CommandRun.GuardAsync(result, options.Json, async writer =>
            {
                string path;
                long bytes;
                TextWriter error = result.InvocationConfiguration.Error;
                using (ProgressLines progress = new(error, ProgressLines.IsTerminal(error)))
                {
                    (path, bytes) = await Task.Run(() => Synthesizer.Write(options.Like, options.Output, options.Seed, options.Layers, progress, cancellationToken), cancellationToken).ConfigureAwait(false);
                }

                if (options.Json)
                {
                    CommandRun.WriteJson(writer, document =>
                    {
                        document.WriteStartObject();
                        document.WriteString("directory", path);
                        document.WriteString("like", options.Like);
                        document.WriteNumber("seed", options.Seed);
                        document.WriteNumber("bytes", bytes);
                        document.WriteEndObject();
                    });
                }
                else
                {
                    await writer.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{path}: sizes of {options.Like}, made-up weights, {bytes / 1e6:0.0} MB")).ConfigureAwait(false);
                }

                return ExporterCommands.Success;
            }, cancellationToken);
        });
        return command;
    }
}
