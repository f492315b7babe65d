using System.Text.Json.Nodes;
using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Sources;

/// <summary>A MERT, ViT or ViViT directory as transformers saves it, or such a directory's configuration with an M2UGen checkpoint's weights.</summary>
/// <remarks>
/// Files: <c>config.json</c> must be there, <c>preprocessor_config.json</c> may be; the weights where no checkpoint has them. Models with a head on top
/// (ViTForImageClassification, VivitForVideoClassification) name their tensors with a prefix, which is taken off, and the head is not used.
/// </remarks>
internal sealed class EncoderDirectory : IDisposable
{
    private readonly Checkpoint? _checkpoint;
    private readonly WeightMap _weights;
    private readonly Func<WeightMap, LinearWeights, GraphOptions?, BundlePart> _create;
    private readonly string _aggregation;
    private readonly int _rows;

    private EncoderDirectory(string directory, int width, string prefix, string aggregation, int rows, WeightMap? weights, JsonObject preprocessing, Func<WeightMap, LinearWeights, GraphOptions?, BundlePart> create)
    {
        Path = directory;
        Width = width;
        Preprocessing = preprocessing;
        _aggregation = aggregation;
        _rows = rows;
        _create = create;
        if (weights is null || !weights.Names.Any())
        {
            _checkpoint = Checkpoint.OpenDirectory(directory);
            weights = WeightMap.From(_checkpoint);
        }

        _weights = weights.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal)) ? weights.Under(prefix) : weights;
    }

    /// <summary>The directory, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>Values of the encoder's feature.</summary>
    public int Width { get; }

    /// <summary>The manifest's <c>preprocessing.mert</c>, <c>.vit</c> or <c>.vivit</c> (<see cref="EncoderPreprocessing"/>).</summary>
    public JsonObject Preprocessing { get; }

    /// <summary>Configuration and weight files that were read, full paths; an M2UGen checkpoint's are its owner's to name.</summary>
    public IReadOnlyList<string> SourceFiles =>
        [.. new[] { "config.json", EncoderPreprocessing.FileName }.Select(name => System.IO.Path.Combine(Path, name)).Where(File.Exists), .. _checkpoint?.Files ?? []];

    /// <summary>Opens a MERT directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="weights">The tensors of an M2UGen checkpoint below <c>mert_model.</c>; where it holds any, the directory's own are not used.</param>
    /// <exception cref="CheckpointException">The directory, its configuration or a needed file is missing, damaged, another model's or unsupported.</exception>
    public static EncoderDirectory OpenMert(string directory, WeightMap? weights = null)
    {
        MertConfig config = MertConfig.Read(In(directory, "config.json"));
        JsonObject preprocessing = EncoderPreprocessing.Mert(In(directory, EncoderPreprocessing.FileName), config);
        return new EncoderDirectory(directory, config.Form.HiddenSize, "hubert.", MertGraph.AggregationName, config.States, weights, preprocessing, (map, aggregation, options) => MertGraph.Create(config, map, aggregation, options));
    }

    /// <summary>Opens a ViT directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="weights">The tensors of an M2UGen checkpoint below <c>vit_model.</c>; where it holds any, the directory's own are not used.</param>
    /// <exception cref="CheckpointException">The directory, its configuration or a needed file is missing, damaged, another model's or unsupported.</exception>
    public static EncoderDirectory OpenVit(string directory, WeightMap? weights = null)
    {
        VitConfig config = VitConfig.Read(In(directory, "config.json"));
        JsonObject preprocessing = EncoderPreprocessing.Vit(In(directory, EncoderPreprocessing.FileName), config);
        return new EncoderDirectory(directory, config.Transformer.Form.HiddenSize, "vit.", VitGraph.AggregationName, config.TokenCount, weights, preprocessing, (map, aggregation, options) => VitGraph.Create(config, map, aggregation, options));
    }

    /// <summary>Opens a ViViT directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="weights">The tensors of an M2UGen checkpoint below <c>vivit_model.</c>; where it holds any, the directory's own are not used.</param>
    /// <exception cref="CheckpointException">The directory, its configuration or a needed file is missing, damaged, another model's or unsupported.</exception>
    public static EncoderDirectory OpenVivit(string directory, WeightMap? weights = null)
    {
        VivitConfig config = VivitConfig.Read(In(directory, "config.json"));
        JsonObject preprocessing = EncoderPreprocessing.Vivit(In(directory, EncoderPreprocessing.FileName), config);
        return new EncoderDirectory(directory, config.Transformer.Form.HiddenSize, "vivit.", VivitGraph.AggregationName, config.TokenCount, weights, preprocessing, (map, aggregation, options) => VivitGraph.Create(config, map, aggregation, options));
    }

    /// <summary>Describes the encoder's graph.</summary>
    /// <param name="aggregation">Where the learnt aggregation lies: an M2UGen checkpoint, or any map that has it.</param>
    /// <param name="options">The caller's choices.</param>
    /// <param name="name">The aggregation's name in <paramref name="aggregation"/>; by default the one that M2UGen's checkpoints have.</param>
    /// <exception cref="CheckpointException">Tensors are missing or have another shape than the configuration says; all of one file are listed.</exception>
    public BundlePart CreatePart(WeightMap aggregation, GraphOptions? options = null, string? name = null)
    {
        BundlePart part = DescribePart(aggregation, options, name);
        ThrowIfIncomplete();
        aggregation.ThrowIfIncomplete();
        return part;
    }

    /// <summary>As <see cref="CreatePart"/>, for a caller who asks what is missing later: together with the checkpoint's other parts, and with <see cref="ThrowIfIncomplete"/>.</summary>
    public BundlePart DescribePart(WeightMap aggregation, GraphOptions? options = null, string? name = null)
        => _create(_weights, LearntAggregation.Read(aggregation, name ?? _aggregation, _rows), options);

    /// <summary>Throws once for everything that the encoder's own weights lack.</summary>
    /// <exception cref="CheckpointException">Something is missing or has another shape; the message lists all of it.</exception>
    public void ThrowIfIncomplete() => _weights.ThrowIfIncomplete();

    /// <summary>Closes the weights; a graph that is not saved yet can no longer be.</summary>
    public void Dispose() => _checkpoint?.Dispose();

    private static string In(string directory, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return Directory.Exists(directory) ? System.IO.Path.Combine(directory, name) : throw new CheckpointException(directory, "there is no such directory.");
    }
}
