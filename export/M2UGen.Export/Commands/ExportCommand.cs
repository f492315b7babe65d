using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using M2UGen.Export.Quantization;
using M2UGen.Sdk;

namespace M2UGen.Export.Commands;

/// <summary><c>export</c>: checkpoints in, bundle out. Switches of the parts are those of the reference's <c>gradio_app.py</c>, by their names.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        Argument<string?> source = new("source")
        {
            Description = "A ckpts folder as M2UGen's README lays it out, a Hugging Face MusicGen directory, a diffusers AudioLDM2 directory or one of its folders, or, with --model, a MERT, ViT or ViViT directory. May be left out where the switches name the parts.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        source.Validators.Add(argument =>
        {
            // A mistyped switch would otherwise be taken for the source.
            if (argument.Tokens is [{ Value: ['-', ..] mistyped }])
            {
                argument.AddError($"'{mistyped}' is no option of export. A directory of that name is given as './{mistyped}'.");
            }
        });
        Option<string> output = new("--output", "-o") { Description = "The directory of the bundle to make.", Required = true };
        Option<bool> force = new("--force") { Description = "Replace a bundle that is already there." };
        Option<string?> model = new("--model") { Description = "M2UGen's checkpoint.pth; for an encoder's directory alone, any checkpoint with its aggregation." };
        Option<string?> llamaDir = new("--llama_dir") { Description = "The directory with tokenizer.model and the folder of params.json." };
        Option<string?> llamaType = new("--llama_type") { Description = "The folder in --llama_dir with params.json and the base weights. Default: 7B, or the only one." };
        Option<string?> mert = new("--mert_path") { Description = "The MERT directory. Without it the bundle takes no audio." };
        Option<string?> vit = new("--vit_path") { Description = "The ViT directory. Without it the bundle takes no images." };
        Option<string?> vivit = new("--vivit_path") { Description = "The ViViT directory. Without it the bundle takes no video." };
        Option<string?> knn = new("--knn_dir") { Description = "The directory of knn.index, a faiss flat index. It is used where a request asks for it." };
        Option<string?> decoder = new("--music_decoder") { Description = "musicgen or audioldm2. Default: what the checkpoint was made for." };
        decoder.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "musicgen", "audioldm2");
        Option<string?> decoderPath = new("--music_decoder_path") { Description = "The music decoder's directory. Without it the bundle answers and makes no music." };
        Option<int> context = new("--context_length") { Description = "Prompt and answer have at most so many tokens.", CustomParser = ParseCount, DefaultValueFactory = _ => 1024 };
        Option<string?> precision = new("--precision")
        {
            Description = "float32 (default), int8, int4 or auto; float16 for GPUs; and 'component=precision' for single components: 'llama=int4,musicgen-decoder=int8', 'float16,llama=int4'.",
        };
        Option<int> blockSize = new("--block_size") { Description = "Weights that share a scale in int8 and int4: 32, 64 or 128.", DefaultValueFactory = _ => PrecisionPolicy.Float32.BlockSize };
        blockSize.AcceptOnlyFromAmong([.. BlockFormat.BlockSizes.Select(size => size.ToString(CultureInfo.InvariantCulture))]);
        Option<bool> asymmetric = new("--asymmetric") { Description = "Give every block of int8 and int4 a zero point of its own." };
        Option<bool> plainScales = new("--no_scale_search") { Description = "Take scales from the largest weight of a block instead of searching the best ones." };
        Option<string?> cache = new("--kv_cache") { Description = "How the language models keep keys and values: float32 or int8. Default: int8 where their matrices are quantised; float16 in components of float16." };
        cache.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "float32", "int8");
        Option<string> calibrate = new("--calibrate") { Description = "Run language models with an int8 cache to measure its scales: auto (not for a music decoder of more than 1 GiB, which would take its memory), always or never.", DefaultValueFactory = _ => "auto" };
        calibrate.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "auto", "always", "never");
        Option<string[]> taps = new("--taps")
        {
            Description = "Inner stages to make outputs of the graphs, for finding faults: 'layers.*'.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        Option<bool> noProbes = new("--no_probes") { Description = "Do not run the components to record numbers for m2ugen doctor." };
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("export", "Turn a checkpoint into a bundle.")
        {
            source, output, force, model, llamaDir, llamaType, mert, vit, vivit, knn, decoder, decoderPath, context, precision, blockSize, asymmetric, plainScales, cache, calibrate, taps, noProbes, json,
        };
        command.SetAction((result, cancellationToken) =>
        {
            ExportOptions options = new()
            {
                Source = result.GetValue(source),
                OutputPath = result.GetRequiredValue(output),
                Force = result.GetValue(force),
                Model = result.GetValue(model),
                LlamaDirectory = result.GetValue(llamaDir),
                LlamaType = result.GetValue(llamaType),
                MertPath = result.GetValue(mert),
                VitPath = result.GetValue(vit),
                VivitPath = result.GetValue(vivit),
                KnnDirectory = result.GetValue(knn),
                MusicDecoder = result.GetValue(decoder),
                MusicDecoderPath = result.GetValue(decoderPath),
                ContextLength = result.GetValue(context),
                CalibratesCache = result.GetRequiredValue(calibrate).ToUpperInvariant() switch { "ALWAYS" => true, "NEVER" => false, _ => null },
                Taps = result.GetValue(taps) ?? [],
                RecordsProbes = !result.GetValue(noProbes),
            };
            bool asJson = result.GetValue(json);
            return CommandRun.GuardAsync(result, asJson, writer => RunAsync(options with { Precision = PolicyOf(result) }, asJson, writer, result.InvocationConfiguration.Error, cancellationToken), cancellationToken);
        });
        return command;

        PrecisionPolicy PolicyOf(ParseResult result) => (result.GetValue(precision) is { } text ? PrecisionPolicy.Parse(text) : PrecisionPolicy.Float32) with
        {
            BlockSize = result.GetValue(blockSize),
            IsAsymmetric = result.GetValue(asymmetric),
            SearchesScales = !result.GetValue(plainScales),
            KeyValueCache = result.GetValue(cache) is { } kept ? Enum.Parse<Precision>(kept, ignoreCase: true) : null,
        };
    }

    private static int ParseCount(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            result.AddError($"'{text}' is no number of tokens; write a whole number such as 1024.");
        }

        return count;
    }

    private static async Task<int> RunAsync(ExportOptions options, bool json, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        ExportResult bundle;
        using (ProgressLines progress = new(error, ProgressLines.IsTerminal(error)))
        {
            bundle = await Exporter.ExportAsync(options, progress, cancellationToken).ConfigureAwait(false);
        }

        if (json)
        {
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("bundle", bundle.BundlePath);
                writer.WriteString("family", bundle.Family);
                writer.WriteNumber("bytes", bundle.Bytes);
                writer.WriteString("manifest_sha256", bundle.ManifestSha256);
                Strings("components", bundle.Components);
                Strings("warnings", bundle.Warnings);
                writer.WriteEndObject();

                void Strings(string name, IReadOnlyList<string> values)
                {
                    writer.WriteStartArray(name);
                    foreach (string value in values)
                    {
                        writer.WriteStringValue(value);
                    }

                    writer.WriteEndArray();
                }
            });
        }
        else
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{bundle.BundlePath}: {bundle.Family}, {bundle.Bytes / 1e6:0.0} MB, components {string.Join(", ", bundle.Components)}")).ConfigureAwait(false);
        }

        return ExporterCommands.Success;
    }
}
