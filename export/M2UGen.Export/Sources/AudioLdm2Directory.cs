using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.AudioLdm2;

namespace M2UGen.Export.Sources;

/// <summary>An AudioLDM2 directory as diffusers saves it (cvssp/audioldm2, -large, -music): <c>model_index.json</c> and a folder for each part.</summary>
/// <remarks>Nothing is read from the weights before a graph is saved.</remarks>
internal sealed class AudioLdm2Directory : IDisposable
{
    private static readonly string[] RobertaNames = ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
    private static readonly string[] T5Names = ["tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    private const string CaptionLength = "caption_max_length";

    // The published tokenizer's model_max_length, for one that states none.
    private const int PublishedCaptionTokens = 128;

    private readonly List<DiffusionFolder> _folders = [];

    private AudioLdm2Directory(string directory) => Path = directory;

    /// <summary>The directory, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>The manifest's <c>generation.audioldm2</c>: the scheduler's configuration, and the release's values of what no file holds.</summary>
    public JsonObject Generation { get; private init; } = [];

    /// <summary>The manifest's <c>preprocessing.audioldm2</c>: caption_max_length.</summary>
    public JsonObject Preprocessing { get; private init; } = [];

    /// <summary>The manifest's <c>preprocessing.clap</c>.</summary>
    public JsonObject ClapPreprocessing { get; private init; } = [];

    /// <summary>The tokenizers' files.</summary>
    public IReadOnlyList<PlannedTokenizer> Tokenizers { get; private init; } = [];

    /// <summary>Configuration and weight files that were read, full paths; the tokenizers' are in <see cref="Tokenizers"/>.</summary>
    public IReadOnlyList<string> SourceFiles =>
        [In(DiffusersIndex.FileName), In("scheduler", SchedulerFile.FileName), .. new[] { In("feature_extractor", "preprocessor_config.json") }.Where(File.Exists), .. _folders.SelectMany(folder => folder.SourceFiles)];

    /// <summary>Opens a directory and checks every part's configuration.</summary>
    /// <exception cref="CheckpointException">The directory, a folder, a configuration or a needed file is missing, damaged, another model's or unsupported.</exception>
    /// <exception cref="Sdk.ModelBundleException">A tokenizer cannot be read.</exception>
    public static AudioLdm2Directory Open(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        DiffusersIndex.Check(directory);
        string clap = System.IO.Path.Combine(directory, "text_encoder");
        _ = RobertaTextTokenizer.Load(System.IO.Path.Combine(directory, "tokenizer"));
        T5TextTokenizer t5 = T5TextTokenizer.Load(System.IO.Path.Combine(directory, "tokenizer_2"));
        AudioLdm2Directory source = new(directory)
        {
            Generation = ReadGeneration(directory),
            Preprocessing = new JsonObject { [CaptionLength] = t5.MaxLength ?? PublishedCaptionTokens },
            ClapPreprocessing = DiffusionFolder.ReadClapPreprocessing(clap, System.IO.Path.Combine(directory, "feature_extractor")),
            Tokenizers = [ReadTokenizer(directory, "tokenizer", "roberta", RobertaNames), ReadTokenizer(directory, "tokenizer_2", "t5", T5Names)],
        };
        try
        {
            source._folders.Add(DiffusionFolder.OpenClap(clap));
            source._folders.Add(DiffusionFolder.OpenT5(source.In("text_encoder_2")));
            source._folders.Add(DiffusionFolder.OpenProjection(source.In("projection_model")));
            source._folders.Add(DiffusionFolder.OpenGpt2(source.In("language_model")));
            source._folders.Add(DiffusionFolder.OpenUNet(source.In("unet")));
            source._folders.Add(DiffusionFolder.OpenVae(source.In("vae")));
            source._folders.Add(DiffusionFolder.OpenVocoder(source.In("vocoder")));
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Describes all components.</summary>
    /// <param name="options">The caller's choices for every graph.</param>
    /// <exception cref="CheckpointException">Tensors are missing or have another shape than the configuration says, or the folders are not of one model.</exception>
    public IReadOnlyList<BundlePart> CreateParts(GraphOptions? options = null)
    {
        BundlePart[] parts = [.. _folders.SelectMany(folder => folder.CreateParts(options))];
        CheckWidths(parts.ToDictionary(part => part.Component));
        return parts;
    }

    /// <summary>Closes the weights; graphs that are not saved yet can no longer be.</summary>
    public void Dispose() => _folders.ForEach(folder => folder.Dispose());

    private string In(params string[] names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>No file holds these: the released M2UGen passes them to the pipeline (the scale is the pipeline's own default).</summary>
    private static JsonObject ReadGeneration(string directory)
    {
        AudioLdm2Defaults released = new();
        return new JsonObject
        {
            ["guidance_scale"] = released.GuidanceScale,
            ["num_inference_steps"] = released.Steps,
            ["negative_prompt"] = released.NegativePrompt,
            ["num_waveforms_per_prompt"] = released.WaveformsPerPrompt,
            ["scheduler"] = SchedulerFile.Read(System.IO.Path.Combine(directory, "scheduler")),
        };
    }

    private static PlannedTokenizer ReadTokenizer(string directory, string folder, string name, string[] files)
        => new(name, [.. files.Select(file => System.IO.Path.Combine(directory, folder, file)).Where(File.Exists)]);

    /// <summary>Where one part hands on to another, both must mean the same size.</summary>
    private void CheckWidths(Dictionary<string, BundlePart> parts)
    {
        (string First, string FirstKey, string Second, string SecondKey)[] seams =
        [
            ("clap-text", "width", "projection", "clap_width"),
            ("clap-text", "width", "clap-audio", "width"),
            ("t5", "hidden_size", "projection", "t5_width"),
            ("projection", "width", "gpt2", "hidden_size"),
            ("gpt2", "hidden_size", "unet-condition", "generated_width"),
            ("t5", "hidden_size", "unet-condition", "prompt_width"),
            ("unet", "in_channels", "vae-decoder", "latent_channels"),
            ("unet", "in_channels", "unet", "out_channels"),
        ];
        List<string> problems = [];
        foreach ((string first, string firstKey, string second, string secondKey) in seams)
        {
            int a = Number(first, firstKey), b = Number(second, secondKey);

            // A UNet that does not look at one of the two says 0.
            if (a != b && !(second == "unet-condition" && b == 0))
            {
                problems.Add($"{first} has {firstKey} {a}, {second} has {secondKey} {b}");
            }
        }

        if (Number("vocoder", "mel_bins") % Number("vae-decoder", "scale_factor") != 0)
        {
            problems.Add($"vocoder has {Number("vocoder", "mel_bins")} bins, no multiple of vae-decoder's scale_factor {Number("vae-decoder", "scale_factor")}");
        }

        int captionTokens = Preprocessing[CaptionLength]!.GetValue<int>();
        int positions = ProjectionModel.RowsBefore + captionTokens + Number("gpt2", "new_tokens");
        if (positions > Number("gpt2", "max_positions"))
        {
            problems.Add($"tokenizer_2 lets captions have {captionTokens} tokens, which with the rows around them and gpt2's {Number("gpt2", "new_tokens")} vectors take {positions} positions; gpt2 has {Number("gpt2", "max_positions")}");
        }

        if (problems.Count > 0)
        {
            throw new CheckpointException(Path, $"holds folders that are not of one model:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
        }

        int Number(string component, string key) => parts[component].Config[key]?.GetValue<int>()
            ?? throw new InvalidOperationException($"Component '{component}' states no {key}.");
    }
}
