using System.Runtime.InteropServices;
using System.Text.Json;
using M2UGen.Export.Calibration;
using M2UGen.Export.Graph;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Export.Bundles;

/// <summary>Writes a planned bundle: graphs, constants, tokenizers, the manifest last; all aside, renamed when it is whole and opens.</summary>
/// <remarks>The same plan gives the same bytes: no time, machine, path or random number enters the contents.</remarks>
internal static class BundleWriter
{
    /// <summary>Writes the bundle.</summary>
    /// <param name="plan">What it holds.</param>
    /// <param name="options">Its directory, and what the caller chose about writing.</param>
    /// <param name="progress">Told about files and bytes.</param>
    /// <param name="cancellationToken">Checked between tensors and blocks; nothing stays behind.</param>
    public static ExportResult Write(BundlePlan plan, ExportOptions options, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        string full = TargetDirectory.Check(options.OutputPath, options.Force, plan.SourceFiles);
        List<PlannedTensor> tensors = [.. plan.Tensors, .. plan.Parts.SelectMany(part => part.Tensors)];
        long weightBytes = plan.Parts.Sum(part => part.Graph.Contents.Initializers.Sum(initializer => ByteCount(initializer.Data))) + tensors.Sum(tensor => tensor.ByteCount);
        long tokenizerBytes = plan.Tokenizers.Sum(tokenizer => tokenizer.Files.Sum(WholeFile.LengthOf));
        long indexBytes = plan.Indexes.Sum(index => WholeFile.LengthOf(index.File));
        long bytes = weightBytes + tokenizerBytes + indexBytes;
        using TargetDirectory directory = TargetDirectory.Create(full, options.Force, bytes);

        List<BundleFile> sources = HashSources(plan.SourceFiles, progress, cancellationToken);
        Counter written = new(progress, ExportStage.Write, bytes);
        BundleManifest manifest = new()
        {
            FormatVersion = BundleManifest.CurrentFormatVersion,
            Family = plan.Family,
            ExporterVersion = ExporterVersion.Current,
            Components = WriteParts(plan, directory.PartialPath, written, cancellationToken),
            Tensors = WriteTensors(tensors, directory.PartialPath, written, cancellationToken),
            Tokenizers = WriteTokenizers(plan.Tokenizers, directory.PartialPath, written, cancellationToken),
            Indexes = WriteIndexes(plan.Indexes, directory.PartialPath, written, cancellationToken),
            Preprocessing = plan.Preprocessing,
            Generation = plan.Generation,
            Sources = sources,
            Licences = plan.Licences,
        };

        progress?.Report(new ExportProgress(ExportStage.Finish, BundleManifest.FileName));
        using (FileStream stream = new(Path.Combine(directory.PartialPath, BundleManifest.FileName), FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(stream, manifest, BundleJson.Default.BundleManifest);
            stream.Flush(flushToDisk: true);
        }

        Calibrate(directory.PartialPath, manifest, options.CalibratesCache, plan.Warnings, progress, cancellationToken);
        ModelBundle bundle = ModelBundle.OpenChecked(directory.PartialPath);
        if (options.RecordsProbes)
        {
            RecordProbes(bundle, plan.Warnings, progress, cancellationToken);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (directory.Complete() is { } old)
        {
            plan.Warnings.Add($"The bundle that was replaced could not be deleted. Delete '{old}' when no program has it open.");
            progress?.Report(new ExportProgress(ExportStage.Check, plan.Warnings[^1]));
        }

        return new ExportResult(full, plan.Family, [.. manifest.Components.Keys], bundle.Files.Sum(file => file.Size), bundle.ManifestSha256, [.. plan.Warnings]);
    }

    private static void Calibrate(string directory, BundleManifest manifest, bool? wanted, List<string> warnings, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> components = CacheCalibrator.ComponentsOf(manifest);
        string[] measured = [.. components.Where(component => wanted ?? CacheCalibrator.FitsExport(component, manifest.Components[component]))];
        if (measured.Length > 0 && (wanted == true || OnnxRuntimeHost.IsAvailable))
        {
            CacheCalibrator.Calibrate(directory, measured, threads: 0, component => progress?.Report(new ExportProgress(ExportStage.Calibrate, component)), cancellationToken);
            components = [.. components.Except(measured)];
        }

        if (components.Count > 0)
        {
            warnings.Add($"The 8-bit cache of {string.Join(", ", components)} has scales that were estimated from the weights. 'm2ugen-export calibrate' measures them by running the model.");
            progress?.Report(new ExportProgress(ExportStage.Check, warnings[^1]));
        }
    }

    /// <summary>The folder of a tokenizer's files.</summary>
    internal static string TokenizerFolder(string tokenizer) => $"tokenizer-{tokenizer}";

    /// <summary>Probes are a help, not a part: without the runtime, or where it fails, the bundle is whole all the same.</summary>
    private static void RecordProbes(ModelBundle bundle, List<string> warnings, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            ProbeFile file = ProbeRecorder.Record(bundle, all: false, progress, cancellationToken);
            foreach ((string name, ComponentProbe probe) in file.Components.Where(component => component.Value.NotProbed?.StartsWith(ProbeRecorder.LeftOut, StringComparison.Ordinal) == false))
            {
                Warn($"No probe of '{name}' for m2ugen doctor was recorded: {probe.NotProbed}.");
            }
        }
        catch (M2UGenException exception)
        {
            Warn($"Probes for m2ugen doctor were not recorded: {exception.Message} 'm2ugen-export probe' records them later.");
        }

        void Warn(string warning)
        {
            warnings.Add(warning);
            progress?.Report(new ExportProgress(ExportStage.Check, warning));
        }
    }

    private static List<BundleFile> HashSources(List<string> files, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        Counter hashed = new(progress, ExportStage.Hash, files.Sum(WholeFile.LengthOf));
        List<BundleFile> sources = [];
        foreach (string file in files)
        {
            // The name alone: where a file lay on somebody's disk is nobody's business and would make equal bundles differ.
            string name = Path.GetFileName(file);
            hashed.Start(name);
            sources.Add(FileHash.Take(file, name, copyTo: null, hashed.Add, cancellationToken));
        }

        return sources;
    }

    private static SortedDictionary<string, BundleComponent> WriteParts(BundlePlan plan, string directory, Counter written, CancellationToken cancellationToken)
    {
        SortedDictionary<string, BundleComponent> components = new(StringComparer.Ordinal);
        foreach (BundlePart part in plan.Parts)
        {
            written.Start(part.Component);
            IReadOnlyList<BundleFile> files = GraphFile.Save(part.Graph, directory, written.Add, cancellationToken);
            if (part.Graph.BeyondFloat16.Count > 0)
            {
                plan.Warnings.Add($"'{string.Join("', '", part.Graph.BeyondFloat16)}' of '{part.Component}' holds numbers beyond 65504, the largest of a 16-bit float, and stays in float32. What is computed from it may still be too large for float16: check the component, or export it with '{part.Component}=float32'.");
            }

            components.Add(part.Component, new BundleComponent
            {
                Graph = files[0].Path,
                Files = files,
                Precision = StoredPrecision.Of(part.Graph),
                Inputs = part.Graph.Inputs,
                Outputs = part.Graph.Outputs,
                Config = StoredPrecision.Describe(part),
            });
        }

        return components;
    }

    private static SortedDictionary<string, BundleTensor> WriteTensors(List<PlannedTensor> planned, string directory, Counter written, CancellationToken cancellationToken)
    {
        SortedDictionary<string, BundleTensor> tensors = new(StringComparer.Ordinal);
        foreach (PlannedTensor tensor in planned)
        {
            written.Start(tensor.Name);
            string name = $"{tensor.Name}.bin";
            string path = Path.Combine(directory, name);
            float[] elements = tensor.Compute(cancellationToken);
            using (FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.Write(MemoryMarshal.AsBytes(elements.AsSpan()));
                stream.Flush(flushToDisk: true);
            }

            written.Add(tensor.ByteCount);
            tensors.Add(tensor.Name, new BundleTensor(FileHash.Take(path, name, copyTo: null, read: null, cancellationToken), tensor.Shape));
        }

        return tensors;
    }

    private static SortedDictionary<string, BundleTokenizer> WriteTokenizers(List<PlannedTokenizer> planned, string directory, Counter written, CancellationToken cancellationToken)
    {
        SortedDictionary<string, BundleTokenizer> tokenizers = new(StringComparer.Ordinal);
        foreach (PlannedTokenizer tokenizer in planned)
        {
            string folder = TokenizerFolder(tokenizer.Name);
            Directory.CreateDirectory(Path.Combine(directory, folder));
            List<BundleFile> files = [];
            foreach (string file in tokenizer.Files)
            {
                string name = Path.GetFileName(file);
                written.Start($"{folder}/{name}");
                files.Add(FileHash.Take(file, $"{folder}/{name}", Path.Combine(directory, folder, name), written.Add, cancellationToken));
            }

            tokenizers.Add(tokenizer.Name, new BundleTokenizer(folder, files));
        }

        return tokenizers;
    }

    private static SortedDictionary<string, BundleFile> WriteIndexes(List<PlannedIndex> planned, string directory, Counter written, CancellationToken cancellationToken)
    {
        SortedDictionary<string, BundleFile> indexes = new(StringComparer.Ordinal);
        foreach (PlannedIndex index in planned)
        {
            string name = $"{index.Name}.index";
            written.Start(name);
            indexes.Add(index.Name, FileHash.Take(index.File, name, Path.Combine(directory, name), written.Add, cancellationToken));
        }

        return indexes;
    }

    private static long ByteCount(InitializerData data)
    {
        int size = data.Type switch
        {
            DataType.Float or DataType.Int32 => 4,
            DataType.Int64 => 8,
            DataType.Float16 => 2,
            _ => 1,
        };
        return data.Shape.Aggregate((long)size, (product, dim) => checked(product * dim));
    }

    /// <summary>Adds up the bytes of a stage.</summary>
    private sealed class Counter(IProgress<ExportProgress>? progress, ExportStage stage, long total)
    {
        private string _item = "";
        private long _done;

        public void Start(string item)
        {
            _item = item;
            progress?.Report(new ExportProgress(stage, item, _done, total));
        }

        public void Add(long bytes)
        {
            _done += bytes;
            progress?.Report(new ExportProgress(stage, _item, _done, total));
        }
    }
}
