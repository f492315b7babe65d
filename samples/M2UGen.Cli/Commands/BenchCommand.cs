using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Cli.Bench;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>bench: how fast a bundle runs on this machine.</summary>
internal static class BenchCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Option<string> caption = new("--caption") { Description = "What the measured music is made from.", DefaultValueFactory = _ => "a slow calm piano waltz" };
        Option<TimeSpan?> duration = new("--duration", "-d") { Description = "Length of the measured music. Default: 10 s.", HelpName = "time", CustomParser = DurationParser.Parse };
        Option<int> prompt = new("--prompt-tokens") { Description = "Tokens that the language model reads.", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 128 };
        Option<int> tokens = new("--new-tokens") { Description = "Tokens that the language model writes.", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 64 };
        Option<int> repeat = new("--repeat", "-n") { Description = "Measured runs; the median one counts, a further one before warms up.", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 3 };
        Option<BenchPart[]> parts = new("--only") { Description = "Measure these parts alone, beside the machine. May be given several times.", HelpName = "media|encoders|language|music|memory", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
        Option<bool> presets = new("--presets") { Description = "AudioLDM2: also make the latents of every preset from the same noise, and tell their time and distance to the reference preset's." };
        Option<int> batch = new("--batch") { Description = "MusicGen: also make this many pieces side by side.", HelpName = "count", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 1 };
        Option<int?> requests = new("--requests") { Description = "Instead of all else: send this many overlapping requests (of 0.5 s unless --duration says otherwise), check that each gives what it gives alone, and tell whether memory grows.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
        Option<int> overlap = new("--overlap") { Description = "With --requests: how many are under way at a time.", HelpName = "count", CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => 32 };
        foreach (Option count in new Option[] { prompt, tokens, repeat, batch, requests, overlap })
        {
            count.Validators.Add(result =>
            {
                if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) && value is < 1 or > 1_000_000)
                {
                    result.AddError($"{count.Name} must be from 1 to 1000000.");
                }
            });
        }

        Command command = new("bench", "Measure a bundle on this machine: loading, encoders, resampling and resizing next to what the machine can do at best, prompt and answer tokens a second, decoder steps a second, codec, time to first sound, the share of each part of a diffusion, one step of its UNet next to matrix products of the same run with the share of each block, and the peak of memory next to the predicted one.") { caption, duration, prompt, tokens, repeat, parts, presets, batch, requests, overlap };
        BundleSwitches bundle = new(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            JsonObject result = await terminal.WithProgressAsync(async display =>
            {
                if (parsed.GetValue(requests) is int many)
                {
                    int width = parsed.GetValue(overlap);
                    PipelineOptions wide = new() { MaxConcurrentRequests = Math.Clamp(Environment.ProcessorCount, 1, Math.Min(width, 64)) };
                    await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken, wide);
                    return await OverlapBench.RunAsync(pipeline, parsed.GetValue(duration) ?? TimeSpan.FromSeconds(0.5), many, width, display, cancellationToken);
                }

                BenchOptions options = new(
                    bundle.Locate(parsed),
                    parsed.GetRequiredValue(caption),
                    parsed.GetValue(duration) ?? TimeSpan.FromSeconds(10),
                    parsed.GetValue(prompt),
                    parsed.GetValue(tokens),
                    parsed.GetValue(repeat),
                    bundle.Runtime(parsed))
                {
                    Parts = parsed.GetValue(parts) ?? [],
                    Presets = parsed.GetValue(presets),
                    Batch = parsed.GetValue(batch),
                };
                return await Task.Run(() => BundleBench.Run(options, display, cancellationToken), cancellationToken);
            });
            terminal.WriteJson(result);
            WriteLines(terminal, result, "");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>"music.decoder_steps_per_second  118.2", a line a number.</summary>
    private static void WriteLines(Terminal terminal, JsonObject result, string prefix)
    {
        foreach ((string name, JsonNode? value) in result)
        {
            if (value is JsonObject part)
            {
                WriteLines(terminal, part, $"{prefix}{name}.");
            }
            else if (value is not null)
            {
                string text = value.GetValueKind() == JsonValueKind.Number && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                    ? number.ToString("0.###", CultureInfo.InvariantCulture)
                    : value.ToString();
                terminal.WriteLine($"{prefix + name,-40} {text}");
            }
        }
    }
}
