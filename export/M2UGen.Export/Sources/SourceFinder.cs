namespace M2UGen.Export.Sources;

/// <summary>Finds the parts of a model: from the switches of <c>gradio_app.py</c>, from a <c>ckpts</c> folder as the reference's README lays it out, from a Hugging Face MusicGen directory, from a diffusers AudioLDM2 directory or one of its folders, or from an encoder's directory.</summary>
/// <remarks>
/// <code>
/// ckpts/LLaMA/tokenizer.model            ckpts/M2UGen-MusicGen/checkpoint.pth (or ckpts/checkpoint.pth)
/// ckpts/LLaMA/7B/params.json             ckpts/musicgen-medium/config.json    (any name; may be absent)
/// ckpts/LLaMA/7B/consolidated.00.pth     ckpts/MERT-v1-330M/config.json       (any name; may be absent; so are a ViT and a ViViT)
///                                        ckpts/knn.index                      (may be absent)
/// </code>
/// Folder names are free: directories are told by what they hold. What is found twice is an error that lists the candidates.
/// </remarks>
internal static class SourceFinder
{
    /// <summary>The name under which M2UGen checkpoints are published.</summary>
    internal const string CheckpointName = "checkpoint.pth";

    // What the reference reads in --knn_dir.
    private const string IndexName = "knn.index";

    /// <summary>What was found: one of the five, and remarks about switches that have no effect.</summary>
    internal sealed record Selection(string? MusicGenDirectory, M2UGenParts? M2UGen, IReadOnlyList<string> Remarks)
    {
        public string? AudioLdm2Directory { get; init; }

        /// <summary>A single folder of one.</summary>
        public string? AudioLdm2Folder { get; init; }

        /// <summary>A single encoder and its aggregation.</summary>
        public EncoderParts? Encoder { get; init; }
    }

    /// <summary>Finds the parts.</summary>
    /// <exception cref="ExportException">Nothing, too little or too much was found, or switches contradict each other.</exception>
    public static Selection Find(ExportOptions options)
    {
        string? decoder = DecoderOf(options);
        List<string> remarks = [];
        if (options.Source is { } source)
        {
            if (!Directory.Exists(source))
            {
                throw new ExportException(source, File.Exists(source)
                    ? $"'{source}' is a file. Name the directory of the whole model; a checkpoint file alone is given with --model, together with --llama_dir."
                    : $"There is no directory '{source}'.");
            }

            if (ModelDirectory.IsMusicGen(source))
            {
                return options.Model is null && options.LlamaDirectory is null && options.MusicDecoderPath is null
                    ? MusicGenAlone(source, options, decoder, remarks)
                    : throw new ExportException(source, $"'{source}' is a MusicGen directory. To put it behind an M2UGen checkpoint, name it with --music_decoder_path and nothing as source.");
            }

            if (ModelDirectory.IsDiffusers(source))
            {
                return options.Model is null && options.LlamaDirectory is null && options.MusicDecoderPath is null
                    ? AudioLdm2Alone(source, options, decoder, remarks)
                    : throw new ExportException(source, $"'{source}' is an AudioLDM2 directory. To put it behind an M2UGen checkpoint, name it with --music_decoder_path and nothing as source.");
            }

            if (DiffusionFolder.IsOne(source))
            {
                return options.Model is null && options.LlamaDirectory is null && options.MusicDecoderPath is null
                    ? AudioLdm2Part(source, options, decoder, remarks)
                    : throw new ExportException(source, $"'{source}' is a single folder of an AudioLDM2 directory, which only exports by itself. To put an AudioLDM2 behind an M2UGen checkpoint, name the whole directory with --music_decoder_path and nothing as source.");
            }

            if (EncoderSource.KindOf(source) is { } encoder)
            {
                return EncoderAlone(source, encoder, options, remarks);
            }

            return new Selection(null, FindInFolder(source, options, decoder), remarks);
        }

        if (options.Model is null && options.LlamaDirectory is null && options.MusicDecoderPath is { } alone && ModelDirectory.IsMusicGen(alone))
        {
            return MusicGenAlone(alone, options, decoder, remarks);
        }

        if (options.Model is null && options.LlamaDirectory is null && options.MusicDecoderPath is { } diffusers && ModelDirectory.IsDiffusers(diffusers))
        {
            return AudioLdm2Alone(diffusers, options, decoder, remarks);
        }

        string model = options.Model ?? throw Incomplete("--model (the checkpoint)");
        string llama = options.LlamaDirectory ?? throw Incomplete("--llama_dir (the directory with tokenizer.model)");
        SensesPaths senses = new() { Mert = options.MertPath, Vit = options.VitPath, Vivit = options.VivitPath, KnnIndex = IndexOf(options) };
        return new Selection(null, new M2UGenParts(model, llama, LlamaTypeOf(llama, options.LlamaType), decoder, options.MusicDecoderPath) { Senses = senses }, remarks);
    }

    private static Selection MusicGenAlone(string directory, ExportOptions options, string? decoder, List<string> remarks)
    {
        if (decoder == "audioldm2")
        {
            throw new ExportException(directory, $"'{directory}' is a MusicGen directory, and --music_decoder says audioldm2. Leave the switch out.");
        }

        RemarkOnUnused(options, "A MusicGen directory alone", remarks);
        return new Selection(directory, null, remarks);
    }

    private static Selection AudioLdm2Alone(string directory, ExportOptions options, string? decoder, List<string> remarks)
    {
        if (decoder == "musicgen")
        {
            throw new ExportException(directory, $"'{directory}' is an AudioLDM2 directory, and --music_decoder says musicgen. Leave the switch out.");
        }

        RemarkOnUnused(options, "An AudioLDM2 directory alone", remarks);
        return new Selection(null, null, remarks) { AudioLdm2Directory = directory };
    }

    private static Selection AudioLdm2Part(string folder, ExportOptions options, string? decoder, List<string> remarks)
    {
        if (decoder is not null)
        {
            throw new ExportException(folder, $"'{folder}' is a single folder of an AudioLDM2 directory, and --music_decoder chooses between whole decoders. Leave the switch out.");
        }

        RemarkOnUnused(options, "A single folder of an AudioLDM2 directory", remarks);
        return new Selection(null, null, remarks) { AudioLdm2Folder = folder };
    }

    private static Selection EncoderAlone(string directory, EncoderSource.Kind kind, ExportOptions options, List<string> remarks)
    {
        if (options.LlamaDirectory is not null || options.MusicDecoder is not null || options.MusicDecoderPath is not null)
        {
            throw new ExportException(directory, $"'{directory}' is a {kind.Name} directory, which exports by itself, with --model for its aggregation and without --llama_dir, --music_decoder and --music_decoder_path. To put it behind an M2UGen checkpoint, name it with {kind.Option} and nothing as source.");
        }

        string model = options.Model ?? throw new ExportException(directory, $"'{directory}' is a {kind.Name} directory, whose features are summed with weights that M2UGen learnt. Name its checkpoint, or any that holds {kind.Aggregation}.weight and {kind.Aggregation}.bias, with --model.");
        RemarkOnUnused(options, "An encoder's directory", remarks);
        return new Selection(null, null, remarks) { Encoder = new EncoderParts(directory, model) };
    }

    private static void RemarkOnUnused(ExportOptions options, string what, List<string> remarks)
    {
        (string Name, string? Value)[] languageOnly =
        [
            ("--llama_type", options.LlamaType), ("--mert_path", options.MertPath), ("--vit_path", options.VitPath), ("--vivit_path", options.VivitPath), ("--knn_dir", options.KnnDirectory),
        ];
        string[] given = [.. languageOnly.Where(option => option.Value is not null).Select(option => option.Name)];
        if (given.Length > 0)
        {
            remarks.Add($"{string.Join(", ", given)}: not used. {what} has no language model.");
        }
    }

    private static M2UGenParts FindInFolder(string folder, ExportOptions options, string? decoder)
    {
        if (File.Exists(Path.Combine(folder, Sdk.Runtime.Bundles.BundleManifest.FileName)))
        {
            throw new ExportException(folder, $"'{folder}' already is a bundle.");
        }

        string[] places = [folder, .. ModelDirectory.Subdirectories(folder)];
        string llama = options.LlamaDirectory ?? TheOne(
            [.. places.Where(place => File.Exists(Path.Combine(place, "tokenizer.model")) && ModelDirectory.LlamaTypes(place).Count > 0)],
            folder,
            "LLaMA directory (tokenizer.model, and params.json in a folder such as 7B)",
            "--llama_dir");
        string[] checkpoints = [.. places.Select(place => Path.Combine(place, CheckpointName)).Where(File.Exists)];
        if (checkpoints.Length > 1 && decoder is not null)
        {
            // The published folders are named after their decoder: M2UGen-MusicGen, M2UGen-AudioLDM2.
            checkpoints = [.. checkpoints.Where(path => Path.GetFileName(Path.GetDirectoryName(path)!).Contains(decoder, StringComparison.OrdinalIgnoreCase))];
        }

        string model = options.Model ?? TheOne(checkpoints, folder, $"M2UGen checkpoint ({CheckpointName})", "--model or --music_decoder");
        string[] decoders = [.. places.Where(place => decoder switch
        {
            "audioldm2" => ModelDirectory.IsDiffusers(place),
            "musicgen" => ModelDirectory.IsMusicGen(place),
            _ => ModelDirectory.IsMusicGen(place) || ModelDirectory.IsDiffusers(place),
        })];
        string? music = options.MusicDecoderPath ?? (decoders.Length == 0 ? null : TheOne(decoders, folder, "music decoder directory", "--music_decoder_path"));
        SensesPaths senses = new()
        {
            Mert = options.MertPath ?? TheOneIfAny(places, "mert_model", folder, "MERT directory", "--mert_path"),
            Vit = options.VitPath ?? TheOneIfAny(places, "vit", folder, "ViT directory", "--vit_path"),
            Vivit = options.VivitPath ?? TheOneIfAny(places, "vivit", folder, "ViViT directory", "--vivit_path"),
            KnnIndex = IndexOf(options) ?? (File.Exists(Path.Combine(folder, IndexName)) ? Path.Combine(folder, IndexName) : null),
        };
        return new M2UGenParts(model, llama, LlamaTypeOf(llama, options.LlamaType), decoder, music) { Senses = senses };
    }

    private static string? TheOneIfAny(string[] places, string modelType, string folder, string what, string option)
    {
        string[] candidates = [.. places.Where(place => ModelDirectory.ModelType(place) == modelType)];
        return candidates.Length == 0 ? null : TheOne(candidates, folder, what, option);
    }

    /// <summary>The index that --knn_dir names: the file itself, or the one that the reference reads in a directory.</summary>
    private static string? IndexOf(ExportOptions options)
    {
        if (options.KnnDirectory is not { } given)
        {
            return null;
        }

        string path = Directory.Exists(given) ? Path.Combine(given, IndexName) : given;
        return File.Exists(path) ? path : throw new ExportException(path, $"There is no kNN index '{path}'. --knn_dir names the directory of {IndexName}, or a faiss index file.");
    }

    private static string TheOne(string[] candidates, string folder, string what, string option) => candidates.Length switch
    {
        1 => candidates[0],
        0 => throw new ExportException(folder, $"'{folder}' and the folders in it hold no {what}. Name it with {option}. A ckpts folder is laid out as the README of M2UGen shows; a MusicGen directory has a config.json with model_type musicgen, an AudioLDM2 directory a model_index.json."),
        _ => throw new ExportException(folder, $"'{folder}' holds {candidates.Length} candidates for the {what}:{string.Concat(candidates.Select(path => $"{Environment.NewLine}  {path}"))}{Environment.NewLine}Choose one with {option}."),
    };

    private static string LlamaTypeOf(string llama, string? given)
    {
        const string Usual = "7B";
        if (given is not null)
        {
            return given;
        }

        // Without the switch the reference takes 7B; a directory with one model leaves no doubt either.
        IReadOnlyList<string> types = Directory.Exists(llama) ? ModelDirectory.LlamaTypes(llama) : [];
        return types.Count == 1 && !types.Contains(Usual) ? types[0]
            : types.Count < 2 || types.Contains(Usual) ? Usual
            : throw new ExportException(llama, $"'{llama}' holds {types.Count} models: {string.Join(", ", types)}. Choose one with --llama_type.");
    }

    private static string? DecoderOf(ExportOptions options)
    {
        // The reference compares without regard to case.
        string? decoder = options.MusicDecoder?.ToLowerInvariant();
        return decoder is null or "musicgen" or "audioldm2"
            ? decoder
            : throw new ExportException(options.MusicDecoder!, $"'{options.MusicDecoder}' is not a music decoder. Expected musicgen or audioldm2.");
    }

    private static ExportException Incomplete(string what)
        => new("", $"{what} is missing. Name a ckpts folder, a MusicGen or an AudioLDM2 directory, or give --model and --llama_dir.");
}

/// <summary>The parts of an M2UGen.</summary>
/// <param name="Model">The checkpoint: a file, or a directory with checkpoint.pth or with weights in a Hugging Face layout.</param>
/// <param name="LlamaDirectory">Where tokenizer.model lies.</param>
/// <param name="LlamaType">The folder in it with params.json and the base LLaMA's shards.</param>
/// <param name="MusicDecoder"><c>musicgen</c>, <c>audioldm2</c>, or null for what the checkpoint was made for.</param>
/// <param name="MusicDecoderPath">The decoder's directory, or null for none.</param>
internal sealed record M2UGenParts(string Model, string LlamaDirectory, string LlamaType, string? MusicDecoder, string? MusicDecoderPath)
{
    /// <summary>The encoders' directories and the kNN index, each as far as it is there.</summary>
    public SensesPaths Senses { get; init; } = new();
}
