using System.Text.Json.Nodes;
using M2UGen.Export.Architectures;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Sources;

/// <summary>A MusicGen directory as transformers saves it (small, medium, large, stereo, melody), or such a directory's configuration with an M2UGen checkpoint's weights.</summary>
/// <remarks>
/// Files: <c>config.json</c> and the weights must be there, and one of <c>tokenizer.json</c> and <c>spiece.model</c>;
/// <c>generation_config.json</c>, <c>preprocessor_config.json</c> and the smaller tokenizer files may be. Nothing is read from the weights before a graph is saved.
/// </remarks>
internal sealed class MusicGenDirectory : IDisposable
{
    /// <summary>The name of the tokenizer in a bundle.</summary>
    public const string Tokenizer = "t5";

    private const string ConfigName = "config.json";
    private const string GenerationName = "generation_config.json";
    private const string PreprocessorName = "preprocessor_config.json";

    private static readonly string[] TokenizerNames = ["tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    private readonly Checkpoint? _checkpoint;
    private readonly WeightMap _weights;

    private MusicGenDirectory(string directory, MusicGenConfig config, Checkpoint? checkpoint, WeightMap weights)
    {
        Path = directory;
        Config = config;
        _checkpoint = checkpoint;
        _weights = weights;
        TokenizerFiles = [.. TokenizerNames.Select(In).Where(File.Exists)];
        Generation = ReadGeneration();
        Preprocessing = ReadPreprocessing();
    }

    /// <summary>The directory, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>What its <c>config.json</c> says.</summary>
    public MusicGenConfig Config { get; }

    /// <summary>The tokenizer's files, full paths.</summary>
    public IReadOnlyList<string> TokenizerFiles { get; }

    /// <summary>The manifest's <c>generation.musicgen</c>: do_sample, guidance_scale, temperature, top_k, top_p, typical_p, max_length.</summary>
    public JsonObject Generation { get; }

    /// <summary>The manifest's <c>preprocessing.musicgen</c>: sampling_rate, feature_size, padding_side; for melody models also n_fft, hop_length, chunk_length, n_samples, stem_indices.</summary>
    public JsonObject Preprocessing { get; }

    /// <summary>Configuration and weight files that were read, full paths; the M2UGen checkpoint's are its owner's to name.</summary>
    public IReadOnlyList<string> SourceFiles =>
        [.. new[] { ConfigName, GenerationName, PreprocessorName }.Select(In).Where(File.Exists), .. _checkpoint?.Files ?? []];

    /// <summary>Opens a directory and checks its configuration.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="checkpoint">The tensors of an M2UGen checkpoint below <c>generation_model.</c>; where it holds any, the directory needs no weights and its own are not used.</param>
    /// <exception cref="CheckpointException">The directory, its configuration or a needed file is missing, damaged, another model's or unsupported.</exception>
    public static MusicGenDirectory Open(string directory, WeightMap? checkpoint = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "there is no such directory.");
        }

        MusicGenConfig config = MusicGenConfig.Read(System.IO.Path.Combine(directory, ConfigName));
        if (!File.Exists(System.IO.Path.Combine(directory, "tokenizer.json")) && !File.Exists(System.IO.Path.Combine(directory, "spiece.model")))
        {
            throw new CheckpointException(directory, "holds neither tokenizer.json nor spiece.model, so captions cannot be read. Copy one of them from the model's page.");
        }

        if (checkpoint is not null && checkpoint.Names.Any())
        {
            return new MusicGenDirectory(directory, config, null, checkpoint);
        }

        Checkpoint own = Checkpoint.OpenDirectory(directory);
        try
        {
            return new MusicGenDirectory(directory, config, own, WeightMap.From(own));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    /// <summary>Describes the components: t5, musicgen-condition, musicgen-decoder, encodec-decoder, encodec-encoder.</summary>
    /// <param name="options">The caller's choices for every graph.</param>
    /// <exception cref="CheckpointException">Tensors are missing or have another shape than the configuration says; all of them are listed.</exception>
    public IReadOnlyList<BundlePart> CreateParts(GraphOptions? options = null)
    {
        IReadOnlyList<BundlePart> parts = DescribeParts(options);
        _weights.ThrowIfIncomplete();
        return parts;
    }

    /// <summary>As <see cref="CreateParts"/>, for a caller who asks the M2UGen checkpoint's map what is missing: together with the checkpoint's other parts.</summary>
    public IReadOnlyList<BundlePart> DescribeParts(GraphOptions? options = null)
    {
        int codebooks = Config.Decoder.Codebooks / Config.Decoder.AudioChannels;
        WeightMap codec = _weights.Under("audio_encoder.");
        return
        [
            T5EncoderGraph.Create(Config.TextEncoder, _weights.Under("text_encoder."), options),
            MusicGenConditionGraph.Create(Config, _weights, options),
            MusicGenDecoderGraph.Create(Config, _weights, options),
            EncodecDecoderGraph.Create(Config.AudioEncoder, codebooks, codec, options),
            EncodecEncoderGraph.Create(Config.AudioEncoder, codebooks, codec, options),
        ];
    }

    /// <summary>Closes the weights; graphs that are not saved yet can no longer be.</summary>
    public void Dispose() => _checkpoint?.Dispose();

    private string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Absent numbers are transformers' defaults (top-k 50); the guidance scale is the one all published models name.</summary>
    private JsonObject ReadGeneration()
    {
        bool exists = File.Exists(In(GenerationName));
        ConfigReader file = ConfigReader.OpenOptional(In(GenerationName));
        JsonObject generation = new()
        {
            ["do_sample"] = file.BoolOr("do_sample", !exists),
            ["guidance_scale"] = file.DoubleOr("guidance_scale", 3, 0, 1000),
            ["temperature"] = file.DoubleOr("temperature", 1, 0, 1000),
            ["top_k"] = file.IntOr("top_k", 50, smallest: 0),
            ["top_p"] = file.DoubleOr("top_p", 1, 0, 1),
            ["typical_p"] = file.DoubleOr("typical_p", 1, 0, 1),
            ["max_length"] = file.IntOr("max_length", 1500, largest: int.MaxValue),
        };
        if (file.Has("max_new_tokens"))
        {
            generation["max_new_tokens"] = file.IntOr("max_new_tokens", 1500, largest: int.MaxValue);
        }

        file.ThrowIfWrong("generation");
        return generation;
    }

    private JsonObject ReadPreprocessing()
    {
        ConfigReader file = ConfigReader.OpenOptional(In(PreprocessorName));
        int rate = file.IntOr("sampling_rate", Config.AudioEncoder.SampleRate);
        JsonObject preprocessing = new()
        {
            ["sampling_rate"] = rate,
            ["feature_size"] = file.IntOr("feature_size", Config.IsMelody ? Config.ChromaBins : Config.Decoder.AudioChannels),
            ["padding_side"] = file.TextOr("padding_side", Config.IsMelody ? "right" : "left"),
        };
        if (Config.IsMelody)
        {
            // Defaults of transformers' MusicgenMelodyFeatureExtractor.
            int chunk = file.IntOr("chunk_length", 30, largest: 1 << 16);
            preprocessing["n_fft"] = file.IntOr("n_fft", 16384, smallest: 2);
            preprocessing["hop_length"] = file.IntOr("hop_length", 4096);
            preprocessing["chunk_length"] = chunk;
            preprocessing["n_samples"] = file.IntOr("n_samples", (int)Math.Min((long)chunk * rate, int.MaxValue), largest: int.MaxValue);
            int[] stems = file.Has("stem_indices") ? file.Ints("stem_indices", most: 16, smallest: 0, largest: 64) : [3, 2];
            preprocessing["stem_indices"] = new JsonArray([.. stems.Select(stem => JsonValue.Create(stem))]);
            file.RequireTogether((int)preprocessing["feature_size"]! == Config.ChromaBins, "feature_size", $"differs from the model's num_chroma {Config.ChromaBins}");
        }

        file.ThrowIfWrong("audio preprocessing");
        return preprocessing;
    }
}
