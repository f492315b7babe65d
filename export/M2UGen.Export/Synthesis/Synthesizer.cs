using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes checkpoints of published sizes with made-up weights, so that size and speed can be tried without the licensed ones.</summary>
/// <remarks>
/// Names, shapes, types and file formats are the reference's; what such a model says or plays means nothing. The same model and seed give the same bytes. Numbers
/// are drawn while they are written: memory does not grow with the model.
/// </remarks>
internal static class Synthesizer
{
    /// <summary>The models that can be made up.</summary>
    public static IReadOnlyList<string> Models { get; } = ["m2ugen-musicgen-small", "m2ugen-musicgen-medium", "m2ugen-audioldm2", "musicgen-small", "musicgen-medium", "musicgen-large", AudioLdm2];

    private const string AudioLdm2 = "audioldm2";
    private const string MusicGenPrefix = "musicgen-";
    internal const int Pieces = 32000;
    private const int AudioTokens = 8;

    // The least room between what transformers puts into a file and the next.
    internal const long ShardBytes = 5_000_000_000;

    private static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n" };

    /// <summary>Writes a model.</summary>
    /// <param name="model">One of <see cref="Models"/>.</param>
    /// <param name="output">A directory that is not there yet, or empty.</param>
    /// <param name="seed">Decides all numbers.</param>
    /// <param name="layers">Fewer layers of the language model than published, or null.</param>
    /// <param name="progress">Told about files and bytes.</param>
    /// <param name="cancellationToken">Checked between pieces; nothing stays behind.</param>
    /// <returns>The directory in full, and the bytes of weights in it.</returns>
    /// <exception cref="ExportException">The target is taken, or the disk is too small.</exception>
    public static (string Path, long Bytes) Write(string model, string output, ulong seed, int? layers, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        if (!Models.Contains(model))
        {
            throw new ArgumentException($"'{model}' cannot be made up. Expected {string.Join(", ", Models)}.", nameof(model));
        }

        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any())
        {
            throw new ExportException(output, $"'{output}' exists and is not empty. Choose another directory.");
        }

        string target = TargetDirectory.Check(output, force: false, []);
        return model == AudioLdm2 ? WriteAudioLdm2(target, seed, layers, progress, cancellationToken)
            : model.StartsWith(MusicGenPrefix, StringComparison.Ordinal)
            ? WriteMusicGen(model[MusicGenPrefix.Length..], target, seed, layers, progress, cancellationToken)
            : WriteM2UGen(model["m2ugen-".Length..], target, seed, layers, progress, cancellationToken);
    }

    /// <summary>Writes a MusicGen's weights into a directory that holds its configuration.</summary>
    internal static long WriteMusicGenWeights(string directory, ulong seed, Action<long>? written, CancellationToken cancellationToken)
    {
        IReadOnlyList<SyntheticTensor> tensors = MusicGenTensors(directory);
        SafetensorsWriter.Write(directory, tensors, ShardBytes, (stream, i) => SyntheticNumbers.Write(stream, tensors[i], seed, i, written, cancellationToken));
        return BytesOf(tensors);
    }

    /// <summary>Writes an M2UGen checkpoint.</summary>
    internal static long WriteCheckpoint(string path, M2UGenSizes sizes, ulong seed, Action<long>? written, CancellationToken cancellationToken)
    {
        IReadOnlyList<SyntheticTensor> tensors = M2UGenBlueprint.Create(sizes).Tensors;
        TorchWriter.Write(path, "model", tensors, (stream, i) => SyntheticNumbers.Write(stream, tensors[i], seed, i, written, cancellationToken));
        return BytesOf(tensors);
    }

    private static (string Path, long Bytes) WriteMusicGen(string size, string target, ulong seed, int? layers, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        // The configuration is what sizes are read from, so it is written once to count by, and once to stay.
        DirectoryInfo draft = Directory.CreateTempSubdirectory("m2ugen-synth-");
        long bytes;
        try
        {
            WriteMusicGenFiles(draft.FullName, size, layers);
            bytes = BytesOf(MusicGenTensors(draft.FullName));
        }
        finally
        {
            draft.Delete(recursive: true);
        }

        using TargetDirectory directory = TargetDirectory.Create(target, force: false, bytes);
        WriteMusicGenFiles(directory.PartialPath, size, layers);
        long done = 0;
        WriteMusicGenWeights(directory.PartialPath, seed, count => progress?.Report(new ExportProgress(ExportStage.Write, "model.safetensors", done += count, bytes)), cancellationToken);
        directory.Complete();
        return (target, bytes);
    }

    private static (string Path, long Bytes) WriteAudioLdm2(string target, ulong seed, int? layers, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        DirectoryInfo draft = Directory.CreateTempSubdirectory("m2ugen-synth-");
        long bytes;
        try
        {
            AudioLdm2Writer.WriteFiles(draft.FullName, layers);
            bytes = AudioLdm2Writer.CountBytes(draft.FullName);
        }
        finally
        {
            draft.Delete(recursive: true);
        }

        using TargetDirectory directory = TargetDirectory.Create(target, force: false, bytes);
        AudioLdm2Writer.WriteFiles(directory.PartialPath, layers);
        long done = 0;
        AudioLdm2Writer.WriteWeights(directory.PartialPath, seed, (name, count) => progress?.Report(new ExportProgress(ExportStage.Write, name, done += count, bytes)), cancellationToken);
        directory.Complete();
        return (target, bytes);
    }

    private static (string Path, long Bytes) WriteM2UGen(string decoder, string target, ulong seed, int? layers, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        string? size = decoder.StartsWith(MusicGenPrefix, StringComparison.Ordinal) ? decoder[MusicGenPrefix.Length..] : null;
        DirectoryInfo draft = Directory.CreateTempSubdirectory("m2ugen-synth-");
        M2UGenSizes sizes;
        long diffusionBytes;
        try
        {
            sizes = WriteM2UGenFiles(draft.FullName, size, layers);
            diffusionBytes = size is null ? AudioLdm2Writer.CountBytes(Path.Combine(draft.FullName, AudioLdm2Writer.FolderName)) : 0;
        }
        finally
        {
            draft.Delete(recursive: true);
        }

        long bytes = BytesOf(M2UGenBlueprint.Create(sizes).Tensors) + diffusionBytes;
        using TargetDirectory directory = TargetDirectory.Create(target, force: false, bytes);
        WriteM2UGenFiles(directory.PartialPath, size, layers);
        string folder = Path.Combine(directory.PartialPath, size is null ? "M2UGen-AudioLDM2" : "M2UGen-MusicGen");
        Directory.CreateDirectory(folder);
        long done = 0;
        WriteCheckpoint(Path.Combine(folder, "checkpoint.pth"), sizes, seed, count => Report("checkpoint.pth", count), cancellationToken);
        if (size is null)
        {
            // AudioLDM2's weights are not in the checkpoint, and are not drawn with its numbers either.
            AudioLdm2Writer.WriteWeights(Path.Combine(directory.PartialPath, AudioLdm2Writer.FolderName), seed + 1, Report, cancellationToken);
        }

        directory.Complete();
        return (target, bytes);

        void Report(string name, long count) => progress?.Report(new ExportProgress(ExportStage.Write, name, done += count, bytes));
    }

    /// <summary>Everything of a ckpts folder but the weights.</summary>
    private static M2UGenSizes WriteM2UGenFiles(string folder, string? musicGen, int? layers)
    {
        const int Dim = 4096;
        const int Heads = 32;
        const int MostPrefixLayers = 18;
        int depth = layers ?? 32;
        string llama = Directory.CreateDirectory(Path.Combine(folder, "LLaMA", "7B")).Parent!.FullName;
        File.WriteAllBytes(Path.Combine(llama, "tokenizer.model"), VocabularyWriter.Llama(Pieces));
        WriteJson(Path.Combine(llama, "7B", "params.json"), PublishedModels.LlamaParams(Dim, depth, Heads));
        string mert = WriteConfigs(folder, "MERT-v1-330M", PublishedModels.Mert(), PublishedModels.MertPreprocessor());
        string vit = WriteConfigs(folder, "vit-base-patch16-224", PublishedModels.Vit(), PublishedModels.VitPreprocessor());
        string vivit = WriteConfigs(folder, "vivit-b-16x2-kinetics400", PublishedModels.Vivit(), PublishedModels.VivitPreprocessor());
        MusicGenConfig? music = null;
        if (musicGen is not null)
        {
            string directory = Directory.CreateDirectory(Path.Combine(folder, MusicGenPrefix + musicGen)).FullName;
            WriteMusicGenFiles(directory, musicGen, layers: null);
            music = MusicGenConfig.Read(Path.Combine(directory, "config.json"));
        }
        else
        {
            AudioLdm2Writer.WriteFiles(Directory.CreateDirectory(Path.Combine(folder, AudioLdm2Writer.FolderName)).FullName, layers: null);
        }

        return new M2UGenSizes
        {
            Dim = Dim,
            Layers = depth,
            Heads = Heads,
            FeedForwardSize = 11008,
            Vocabulary = Pieces + AudioTokens,
            PrefixLayers = Math.Min(MostPrefixLayers, depth - (depth % 3)),
            ProjectorTokens = music is null ? 1 : 128,
            ProjectorOutput = music?.TextEncoder.HiddenSize ?? (128 * 1024) + (8 * 768),
            MusicGen = music,
            Mert = MertConfig.Read(mert),
            Vit = VitConfig.Read(vit),
            Vivit = VivitConfig.Read(vivit),
        };
    }

    private static string WriteConfigs(string folder, string name, JsonObject config, JsonObject preprocessor)
    {
        string directory = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        string path = Path.Combine(directory, "config.json");
        WriteJson(path, config);
        WriteJson(Path.Combine(directory, "preprocessor_config.json"), preprocessor);
        return path;
    }

    /// <summary>Everything of a MusicGen directory but the weights.</summary>
    private static void WriteMusicGenFiles(string directory, string size, int? layers)
    {
        (int hidden, int depth, int heads, int feedForward) = PublishedModels.MusicGenSizes(size);
        WriteJson(Path.Combine(directory, "config.json"), PublishedModels.MusicGen(hidden, layers ?? depth, heads, feedForward));
        WriteJson(Path.Combine(directory, "generation_config.json"), PublishedModels.MusicGenGeneration());
        WriteJson(Path.Combine(directory, "preprocessor_config.json"), PublishedModels.MusicGenPreprocessor());
        WriteJson(Path.Combine(directory, "tokenizer_config.json"), PublishedModels.T5Tokenizer());
        File.WriteAllBytes(Path.Combine(directory, "spiece.model"), VocabularyWriter.T5(Pieces));
    }

    private static IReadOnlyList<SyntheticTensor> MusicGenTensors(string directory)
    {
        Blueprint blueprint = new();
        MusicGenBlueprint.AddTo(blueprint, MusicGenConfig.Read(Path.Combine(directory, "config.json")));
        return blueprint.Tensors;
    }

    /// <summary>Bytes of the tensors in the file.</summary>
    internal static long BytesOf(IEnumerable<SyntheticTensor> tensors) => tensors.Where(tensor => tensor.SharedWith is null).Sum(tensor => tensor.ByteCount);

    /// <summary>Writes a configuration.</summary>
    internal static void WriteJson(string path, JsonObject content)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        using Utf8JsonWriter writer = new(file, Indented);
        content.WriteTo(writer);
    }
}
