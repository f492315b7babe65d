using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Sources;

/// <summary>One folder of an AudioLDM2 directory as diffusers lays it out: <c>unet</c>, <c>vae</c> or <c>vocoder</c>, each of which exports alone as well.</summary>
/// <remarks>Files: <c>config.json</c> and the weights (one file or shards, safetensors or .bin). Nothing is read from the weights before a graph is saved.</remarks>
internal sealed class DiffusionFolder : IDisposable
{
    private const string ConfigName = "config.json";

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

    private static string ConfigOf(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return Directory.Exists(folder) ? System.IO.Path.Combine(folder, ConfigName) : throw new CheckpointException(folder, "there is no such directory.");
    }
}
