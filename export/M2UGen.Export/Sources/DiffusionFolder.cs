using System.Text.Json.Nodes;
using M2UGen.Export.Architectures;
using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Sources;

/// <summary>One folder of an AudioLDM2 directory as diffusers lays it out: <c>text_encoder</c>, <c>text_encoder_2</c>, <c>projection_model</c>, <c>language_model</c>, <c>unet</c>, <c>vae</c> or <c>vocoder</c>, each of which exports alone as well.</summary>
/// <remarks>Files: <c>config.json</c> and the weights (one file or shards, safetensors or .bin). Nothing is read from the weights before a graph is saved.</remarks>
internal sealed class DiffusionFolder : IDisposable
{
    private const string ConfigName = "config.json";
    private const string Clap = "clap";

    // diffusers' models state a class, transformers' a model type.
    private static readonly Dictionary<string, Func<string, DiffusionFolder>> Kinds = new(StringComparer.Ordinal)
    {
        ["AudioLDM2UNet2DConditionModel"] = OpenUNet,
        ["AutoencoderKL"] = OpenVae,
        ["AudioLDM2ProjectionModel"] = OpenProjection,
        [Clap] = OpenClap,
        ["t5"] = OpenT5,
        ["gpt2"] = OpenGpt2,
        ["hifigan"] = OpenVocoder,
    };

    private readonly Checkpoint _checkpoint;
    private readonly WeightMap _weights;
    private readonly Func<WeightMap, GraphOptions?, IReadOnlyList<BundlePart>> _create;

    private DiffusionFolder(string folder, Func<WeightMap, GraphOptions?, IReadOnlyList<BundlePart>> create)
    {
        Path = folder;
        _create = create;
        _checkpoint = Checkpoint.OpenDirectory(folder);
        _weights = WeightMap.From(_checkpoint);
    }

    /// <summary>The folder, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>The files that decide what the graphs hold, full paths.</summary>
    public IReadOnlyList<string> SourceFiles => [System.IO.Path.Combine(Path, ConfigName), .. _checkpoint.Files];

    /// <summary>Whether a folder's <c>config.json</c> says that it is one of these.</summary>
    public static bool IsOne(string folder) => KindOf(folder) is not null;

    /// <summary>Whether a folder holds a CLAP.</summary>
    public static bool IsClap(string folder) => KindOf(folder) == Clap;

    /// <summary>Opens whatever a folder's <c>config.json</c> says it is.</summary>
    /// <exception cref="CheckpointException">It is none of these, or the folder, its configuration or its weights are missing, damaged or unsupported.</exception>
    public static DiffusionFolder Open(string folder) => KindOf(folder) is { } kind
        ? Kinds[kind](folder)
        : throw new CheckpointException(folder, $"is no folder of an AudioLDM2: its {ConfigName} states none of {string.Join(", ", Kinds.Keys)}.");

    /// <summary>Opens a vocoder: component <c>vocoder</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenVocoder(string folder)
    {
        HifiGanConfig config = HifiGanConfig.Read(ConfigOf(folder));
        return new DiffusionFolder(folder, (weights, options) => [VocoderGraph.Create(config, weights, options)]);
    }

    /// <summary>Opens an autoencoder: component <c>vae-decoder</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenVae(string folder)
    {
        AutoencoderKlConfig config = AutoencoderKlConfig.Read(ConfigOf(folder));
        return new DiffusionFolder(folder, (weights, options) => [VaeDecoderGraph.Create(config, weights, options)]);
    }

    /// <summary>Opens a UNet: components <c>unet</c>, <c>unet-condition</c> and <c>unet-time</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenUNet(string folder)
    {
        UNetConfig config = UNetConfig.Read(ConfigOf(folder));
        return new DiffusionFolder(
            folder,
            (weights, options) => [UNetGraph.Create(config, weights, options), UNetConditionGraph.Create(config, weights, options), UNetTimeGraph.Create(config, weights, options)]);
    }

    /// <summary>Opens a CLAP (<c>text_encoder</c>): components <c>clap-text</c> and <c>clap-audio</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenClap(string folder)
    {
        ClapConfig config = ClapConfig.Read(ConfigOf(folder));
        return new DiffusionFolder(folder, (weights, options) => [ClapTextGraph.Create(config, weights, options), ClapAudioGraph.Create(config, weights, options)]);
    }

    /// <summary>The manifest's <c>preprocessing.clap</c> of a CLAP and its feature extractor.</summary>
    /// <param name="folder">The CLAP's folder.</param>
    /// <param name="extractor">Holds <c>preprocessor_config.json</c> where there is one: <c>feature_extractor</c>, or the CLAP's own folder.</param>
    /// <exception cref="CheckpointException">A configuration is missing or damaged, or the two do not fit.</exception>
    public static JsonObject ReadClapPreprocessing(string folder, string extractor)
        => ClapPreprocessing.Read(System.IO.Path.Combine(extractor, EncoderPreprocessing.FileName), ClapConfig.Read(ConfigOf(folder)).Audio);

    /// <summary>Opens a T5 encoder (<c>text_encoder_2</c>): component <c>t5</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenT5(string folder)
    {
        ConfigReader file = ConfigReader.Open(ConfigOf(folder));
        T5Config config = T5Config.From(file);
        file.ThrowIfWrong("a T5 encoder");
        return new DiffusionFolder(folder, (weights, options) => [T5EncoderGraph.Create(config, weights, options)]);
    }

    /// <summary>Opens a projection model (<c>projection_model</c>): component <c>projection</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenProjection(string folder)
    {
        ProjectionModelConfig config = ProjectionModelConfig.Read(ConfigOf(folder));
        return new DiffusionFolder(folder, (weights, options) => [ProjectionModelGraph.Create(config, weights, options)]);
    }

    /// <summary>Opens a GPT-2 (<c>language_model</c>): component <c>gpt2</c>.</summary>
    /// <exception cref="CheckpointException">The folder, its configuration or its weights are missing, damaged, another model's or unsupported.</exception>
    public static DiffusionFolder OpenGpt2(string folder)
    {
        Gpt2Config config = Gpt2Config.Read(ConfigOf(folder));
        return new DiffusionFolder(folder, (weights, options) => [Gpt2Graph.Create(config, weights, options)]);
    }

    /// <summary>Describes the folder's graphs.</summary>
    /// <param name="options">The caller's choices for every graph.</param>
    /// <exception cref="CheckpointException">Tensors are missing or have another shape than the configuration says; all of them are listed.</exception>
    public IReadOnlyList<BundlePart> CreateParts(GraphOptions? options = null)
    {
        IReadOnlyList<BundlePart> parts = _create(_weights, options);
        _weights.ThrowIfIncomplete();
        return parts;
    }

    /// <summary>Closes the weights; graphs that are not saved yet can no longer be.</summary>
    public void Dispose() => _checkpoint.Dispose();

    private static string? KindOf(string folder) =>
        ((string?[])[ModelDirectory.ClassName(folder), ModelDirectory.ModelType(folder)]).FirstOrDefault(kind => kind is not null && Kinds.ContainsKey(kind));

    private static string ConfigOf(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return Directory.Exists(folder) ? System.IO.Path.Combine(folder, ConfigName) : throw new CheckpointException(folder, "there is no such directory.");
    }
}
