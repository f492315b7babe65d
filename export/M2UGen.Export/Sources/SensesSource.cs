using M2UGen.Export.Architectures;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>Where the encoders' directories and the kNN index lie; null for what is not there.</summary>
internal sealed record SensesPaths
{
    /// <summary>The MERT directory.</summary>
    public string? Mert { get; init; }

    /// <summary>The ViT directory.</summary>
    public string? Vit { get; init; }

    /// <summary>The ViViT directory.</summary>
    public string? Vivit { get; init; }

    /// <summary>The kNN index: a file.</summary>
    public string? KnnIndex { get; init; }
}

/// <summary>The senses of an M2UGen: encoders with their learnt aggregation, their prefix graphs, and the kNN index.</summary>
/// <remarks>
/// An encoder's directory gives its configuration; its weights are the checkpoint's where that has them, the directory's own where it has not. A sense without a directory is left
/// out, and said so. Source: reference m2ugen.py M2UGen.__init__.
/// </remarks>
internal sealed class SensesSource : IDisposable
{
    private readonly List<(Medium Medium, string Licence, EncoderDirectory Directory)> _encoders = [];
    private readonly List<BundlePart> _parts = [];
    private readonly string? _knnIndex;
    private readonly LlamaWeights _llama;

    private SensesSource(LlamaWeights llama, string? knnIndex)
    {
        _llama = llama;
        _knnIndex = knnIndex;
    }

    /// <summary>Opens the directories and describes the graphs; what the checkpoint lacks is noted in <paramref name="map"/>.</summary>
    /// <param name="paths">Where things lie.</param>
    /// <param name="map">The checkpoint's tensors.</param>
    /// <param name="llama">The language model.</param>
    /// <param name="graphs">The caller's choices.</param>
    /// <exception cref="CheckpointException">A directory or a file in it is missing, damaged, another model's or unsupported.</exception>
    /// <exception cref="ModelBundleException">The kNN index is none that can be searched, or is of another encoder.</exception>
    public static SensesSource Describe(SensesPaths paths, WeightMap map, LlamaWeights llama, GraphOptions graphs)
    {
        SensesSource senses = new(llama, paths.Mert is null || llama.PrefixLayers == 0 ? null : paths.KnnIndex);
        try
        {
            senses.Open(Medium.Audio, "MERT", paths.Mert, EncoderDirectory.OpenMert, map);
            senses.Open(Medium.Image, "ViT", paths.Vit, EncoderDirectory.OpenVit, map);
            senses.Open(Medium.Video, "ViViT", paths.Vivit, EncoderDirectory.OpenVivit, map);

            // Computed once for all media, when the first graph is written.
            Lazy<float[]> textRows = new(() => PrefixContribution.ForText(llama));
            Weight rows = new(PrefixContribution.TensorName, [llama.PrefixLayers, llama.Parameters.Dim], () => (float[])textRows.Value.Clone());
            foreach ((Medium medium, _, EncoderDirectory directory) in senses._encoders)
            {
                senses._parts.Add(directory.DescribePart(map, graphs));
                senses._parts.Add(UnderstandingAdapterGraph.Create(medium, directory.Width, map, llama, rows, graphs));
            }

            senses.CheckIndex();
            return senses;
        }
        catch
        {
            senses.Dispose();
            throw;
        }
    }

    /// <summary>Adds the senses to a plan, and says which it has not.</summary>
    /// <exception cref="CheckpointException">An encoder's own weights are incomplete.</exception>
    public void AddTo(BundlePlan plan, SensesPaths paths)
    {
        plan.Parts.AddRange(_parts);
        foreach ((Medium medium, string licence, EncoderDirectory directory) in _encoders)
        {
            directory.ThrowIfIncomplete();
            plan.Preprocessing[medium.Encoder] = directory.Preprocessing;
            plan.SourceFiles.AddRange(directory.SourceFiles);
            plan.Licences.Add(new BundleLicence(licence, LicenceOf.Directory(directory.Path)));
        }

        if (_knnIndex is not null)
        {
            plan.Indexes.Add(new PlannedIndex(KnnCache.Name, _knnIndex));
            plan.SourceFiles.Add(_knnIndex);
        }

        AddWarnings(plan.Warnings, paths);
    }

    /// <summary>Closes the encoders' weights; graphs that are not saved yet can no longer be.</summary>
    public void Dispose() => _encoders.ForEach(encoder => encoder.Directory.Dispose());

    private void Open(Medium medium, string licence, string? directory, Func<string, WeightMap?, EncoderDirectory> open, WeightMap map)
    {
        if (directory is not null && medium.LayersOf(_llama).Count > 0)
        {
            _encoders.Add((medium, licence, open(directory, map.Under(medium.EncoderTensors))));
        }
    }

    private void CheckIndex()
    {
        if (_knnIndex is not null)
        {
            KnnIndex.Open(_knnIndex, _encoders.Single(encoder => encoder.Medium == Medium.Audio).Directory.Width).Dispose();
        }
    }

    private void AddWarnings(List<string> warnings, SensesPaths paths)
    {
        if (_llama.PrefixLayers == 0)
        {
            warnings.Add("prefix_query has no rows: no layer of the language model takes a prefix, so the bundle takes no audio, no image and no video.");
            return;
        }

        (Medium Medium, string Option)[] all = [(Medium.Audio, "--mert_path"), (Medium.Image, "--vit_path"), (Medium.Video, "--vivit_path")];
        (Medium Medium, string Option)[] absent = [.. all.Where(sense => _encoders.All(encoder => encoder.Medium != sense.Medium))];
        if (absent.Length > 0)
        {
            warnings.Add($"No directory was given for {string.Join(" and ", absent.Select(sense => sense.Option))}: the bundle takes no {string.Join(" and no ", absent.Select(sense => sense.Medium.Name))}.");
        }

        if (_knnIndex is null && paths.KnnIndex is { } index)
        {
            warnings.Add($"'{Path.GetFileName(index)}' is left out: its rows are features of audio, and the bundle takes none.");
        }

        foreach ((Medium medium, _, _) in _encoders)
        {
            (int first, int count) = medium.LayersOf(_llama);
            if (PrefixContribution.ClosedLayers(_llama).Count(layer => layer >= first && layer < first + count) == count)
            {
                warnings.Add($"The prefix gates of layers {first} to {first + count - 1} are all zero: {medium.Name} has no effect on the answers of this checkpoint.");
            }
        }
    }
}
