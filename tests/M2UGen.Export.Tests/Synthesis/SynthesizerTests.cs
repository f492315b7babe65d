using M2UGen.Export.Architectures;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Synthesis;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Synthesis;

/// <summary>Made-up checkpoints against those that the reference itself wrote: the same names, types and shapes.</summary>
public sealed class SynthesizerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-synth-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void WriteCheckpoint_SizesOfTheTinyM2UGen_NamesTypesAndShapesAreTheReferences()
    {
        string path = Path.Combine(folder, "checkpoint.pth");
        Synthesizer.WriteCheckpoint(path, TinySizes(), seed: 3, written: null, CancellationToken.None);

        using Checkpoint expected = Checkpoint.Open(Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"));
        using Checkpoint found = Checkpoint.Open(path);

        Assert.Equal(Describe(expected.Tensors.Where(tensor => tensor.Key.StartsWith("model/", StringComparison.Ordinal))), Describe(found.Tensors));
    }

    [Fact]
    public void WriteMusicGenWeights_ConfigurationOfAGolden_NamesTypesAndShapesAreTheReferences()
    {
        string source = Path.Combine(Repository.Golden("musicgen-melody"), "model");
        File.Copy(Path.Combine(source, "config.json"), Path.Combine(folder, "config.json"));
        Synthesizer.WriteMusicGenWeights(folder, seed: 3, written: null, CancellationToken.None);

        using Checkpoint expected = Checkpoint.OpenDirectory(source);
        using Checkpoint found = Checkpoint.OpenDirectory(folder);

        // Some versions of transformers write the shared table under both names.
        Assert.Equal(Describe(expected.Tensors.Where(IsStored)), Describe(found.Tensors.Where(IsStored)));

        static bool IsStored(KeyValuePair<string, CheckpointTensor> tensor) => !tensor.Key.EndsWith("encoder.embed_tokens.weight", StringComparison.Ordinal);
    }

    [Fact]
    public void WriteCheckpoint_SameSeed_GivesTheSameBytesAndAnotherSeedOthers()
    {
        string[] paths = [Path.Combine(folder, "a.pth"), Path.Combine(folder, "b.pth"), Path.Combine(folder, "c.pth")];
        for (int i = 0; i < paths.Length; i++)
        {
            Synthesizer.WriteCheckpoint(paths[i], TinySizes(), seed: (ulong)(i / 2), written: null, CancellationToken.None);
        }

        Assert.Equal(File.ReadAllBytes(paths[0]), File.ReadAllBytes(paths[1]));
        Assert.NotEqual(File.ReadAllBytes(paths[0]), File.ReadAllBytes(paths[2]));
    }

    [Fact]
    public void Numbers_AreNormallyDistributedAndDoNotDependOnPieces()
    {
        const int Count = (3 << 20) + 5;
        SyntheticTensor tensor = new("w", TensorElementType.Float32, [Count], 0.5, 2);
        float[] numbers = Drawn(tensor, index: 4);
        double mean = numbers.Average(number => (double)number);
        double deviation = Math.Sqrt(numbers.Average(number => (number - mean) * (number - mean)));

        Assert.InRange(mean, 1.999, 2.001);
        Assert.InRange(deviation, 0.499, 0.501);
        Assert.InRange(numbers.Count(number => Math.Abs(number - 2) > 1) / (double)Count, 0.0445, 0.0465);
        Assert.Equal(numbers.AsSpan(0, 1001).ToArray(), Drawn(tensor with { Shape = [1001] }, index: 4));
        Assert.NotEqual(numbers.AsSpan(0, 1001).ToArray(), Drawn(tensor with { Shape = [1001] }, index: 5));
    }

    [Fact]
    public void Write_Shards_AreOneCheckpoint()
    {
        Blueprint blueprint = new();
        for (int i = 0; i < 5; i++)
        {
            blueprint.Matrix($"layers.{i}.weight", 8, 8);
        }

        SafetensorsWriter.Write(folder, blueprint.Tensors, 2 * 8 * 8 * sizeof(float), (stream, i) => SyntheticNumbers.Write(stream, blueprint.Tensors[i], 1, i, null, CancellationToken.None));
        using Checkpoint checkpoint = Checkpoint.OpenDirectory(folder);

        Assert.Equal(3, Directory.EnumerateFiles(folder, "model-0000?-of-00003.safetensors").Count());
        Assert.Equal(5, checkpoint.Tensors.Count);
        Assert.Equal(64, checkpoint.Tensors["layers.4.weight"].ReadFloat32().Distinct().Count());
    }

    [Fact]
    public void Vocabularies_HaveThePublishedSizesAndGiveTextBack()
    {
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), VocabularyWriter.Llama(32000));
        LlamaTextTokenizer llama = LlamaTextTokenizer.Load(folder);
        int[] ids = llama.Encode("### Instruction:\nPlay a waltz, né?");

        Assert.Equal(32000, llama.AudioTokenStart);
        Assert.InRange(ids.Length, 10, 30);
        Assert.Contains("### Instruction:\nPlay a waltz, né?", llama.Decode(ids), StringComparison.Ordinal);

        string t5Folder = Directory.CreateDirectory(Path.Combine(folder, "t5")).FullName;
        File.WriteAllBytes(Path.Combine(t5Folder, "spiece.model"), VocabularyWriter.T5(32000));
        T5TextTokenizer t5 = T5TextTokenizer.Load(t5Folder);
        IReadOnlyList<int> caption = t5.Encode("a calm piano waltz");
        Assert.Equal(1, caption[^1]);
        Assert.InRange(caption.Count, 5, 12);
        Assert.DoesNotContain(2, caption);
    }

    [Fact]
    public void Write_TargetIsTaken_IsRefused()
    {
        File.WriteAllText(Path.Combine(folder, "mine.txt"), "");

        Assert.Contains("not empty", Assert.Throws<ExportException>(() => Synthesizer.Write("musicgen-small", folder, 0, null, null, CancellationToken.None)).Message, StringComparison.Ordinal);
        Assert.Contains("musicgen-medium", Assert.Throws<ArgumentException>(() => Synthesizer.Write("musicgen-huge", folder, 0, null, null, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Cancelled_LeavesNothing()
    {
        using CancellationTokenSource source = new();
        string target = Path.Combine(folder, "out");
        Assert.Throws<OperationCanceledException>(() => Synthesizer.Write("musicgen-small", target, 0, layers: 1, new Cancelling(source), source.Token));

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    internal static M2UGenSizes TinySizes()
    {
        string basis = Repository.Golden("m2ugen-base");
        LlamaParams llama = LlamaParams.Read(Path.Combine(basis, "llama", "7B", "params.json"));
        return new M2UGenSizes
        {
            Dim = llama.Dim,
            Layers = llama.Layers,
            Heads = llama.Heads,
            FeedForwardSize = 192,
            Vocabulary = 808,
            ProjectorSize = 32,
            ProjectorTokens = 128,
            ProjectorOutput = 16,
            MusicGen = MusicGenConfig.Read(Path.Combine(basis, "musicgen", "config.json")),
            Mert = MertConfig.Read(Path.Combine(basis, "mert", "config.json")),
            Vit = VitConfig.Read(Path.Combine(basis, "vit", "config.json")),
            Vivit = VivitConfig.Read(Path.Combine(basis, "vivit", "config.json")),
        };
    }

    private static string[] Describe(IEnumerable<KeyValuePair<string, CheckpointTensor>> tensors)
        => [.. tensors.Select(tensor => $"{tensor.Key} {tensor.Value.ElementType} [{string.Join(", ", tensor.Value.Shape)}]").Order(StringComparer.Ordinal)];

    private static float[] Drawn(SyntheticTensor tensor, int index)
    {
        using MemoryStream stream = new();
        SyntheticNumbers.Write(stream, tensor, seed: 9, index, null, CancellationToken.None);
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(stream.ToArray()).ToArray();
    }

    private sealed class Cancelling(CancellationTokenSource source) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => source.Cancel();
    }
}
