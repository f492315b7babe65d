using System.Security.Cryptography;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Bundles;

public sealed class ExporterTests
{
    [Fact]
    public async Task ExportAsync_TinyM2UGenWithItsDecoder_KeepsTheFamilysContract()
    {
        using MadeUpM2UGen folder = new();
        ExportResult result = await Exporter.ExportAsync(TinyOptions(folder));

        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);

        Assert.Equal(BundleFamily.M2UGenMusicGen, bundle.Manifest.Family);
        Assert.Empty(await bundle.VerifyAsync());
        Assert.Equal(3.5, (double)bundle.Manifest.Generation["musicgen"]!["guidance_scale"]!);
        Assert.Equal([18, 64], bundle.Manifest.Tensors["prefix-text"].Shape);
        Assert.Equal(18 * 64, bundle.ReadTensor("prefix-text").Length);
        Assert.Equal(800, (int)bundle.Component("llama").Config["audio_token_start"]!);
        Assert.Equal(["checkpoint.pth", "params.json", "tokenizer.model"], bundle.Manifest.Sources.Take(3).Select(source => source.Path));
        byte[] checkpoint = await File.ReadAllBytesAsync(Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(checkpoint)), bundle.Manifest.Sources[0].Sha256);
        Assert.Equal(result.ManifestSha256, bundle.ManifestSha256);
    }

    [Fact]
    public async Task ExportAsync_SameSourcesTwice_GivesTheSameBytes()
    {
        using MadeUpM2UGen folder = new();
        ExportOptions options = TinyOptions(folder);
        ExportResult first = await Exporter.ExportAsync(options);
        ExportResult second = await Exporter.ExportAsync(options with { OutputPath = Path.Combine(folder.Folder, "elsewhere", "again") });

        string[] names = [.. Directory.EnumerateFiles(first.BundlePath, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(first.BundlePath, path)).Order(StringComparer.Ordinal)];

        Assert.Equal(names, Directory.EnumerateFiles(second.BundlePath, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(second.BundlePath, path)).Order(StringComparer.Ordinal));
        foreach (string name in names)
        {
            byte[] one = await File.ReadAllBytesAsync(Path.Combine(first.BundlePath, name));
            byte[] other = await File.ReadAllBytesAsync(Path.Combine(second.BundlePath, name));
            Assert.True(one.AsSpan().SequenceEqual(other), $"{name} differs.");
        }

        Assert.DoesNotContain(folder.Folder, await File.ReadAllTextAsync(Path.Combine(first.BundlePath, BundleManifest.FileName)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_WithoutDecoder_StillHasProjectorAndSaysSo()
    {
        using MadeUpM2UGen source = new();
        ExportResult result = await Exporter.ExportAsync(source.Write());

        Assert.Equal(BundleFamily.M2UGen, result.Family);
        Assert.Equal(["llama", "projector"], result.Components);
        Assert.Contains(result.Warnings, warning => warning.Contains("makes no music", StringComparison.Ordinal));
        Assert.Contains(result.Warnings, warning => warning.Contains("takes no audio and no image and no video", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ExportAsync_FolderOfTheCheckpoint_TakesTheCheckpointInIt()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();

        ExportResult result = await Exporter.ExportAsync(options with { Model = source.CheckpointFolder });

        Assert.Equal(["llama", "projector"], result.Components);
    }

    [Fact]
    public async Task ExportAsync_FlatProjector_IsOneLongVector()
    {
        using MadeUpM2UGen source = new(isFlat: true);
        ExportResult result = await Exporter.ExportAsync(source.Write());

        BundleComponent projector = ModelBundle.OpenChecked(result.BundlePath).Component("projector");

        Assert.Equal("audioldm2", (string)projector.Config["variant"]!);
        Assert.Equal("embedding: Float [1, 20]", projector.Outputs.Single().ToString());
    }

    [Fact]
    public async Task ExportAsync_FlatProjectorForMusicGen_IsRefused()
    {
        using MadeUpM2UGen source = new(isFlat: true);
        ExportOptions options = source.Write() with { MusicDecoder = "MusicGen" };

        ExportException exception = await Assert.ThrowsAsync<ExportException>(() => Exporter.ExportAsync(options));

        Assert.Contains("one for audioldm2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_AllGatesZero_Warns()
    {
        using MadeUpM2UGen source = new(gate: 0);
        ExportResult result = await Exporter.ExportAsync(source.Write());

        Assert.Contains(result.Warnings, warning => warning.Contains("Every prefix gate", StringComparison.Ordinal));
        Assert.All(ModelBundle.Open(result.BundlePath).ReadTensor("prefix-text"), value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task ExportAsync_MissingTensors_ListsAllAndLeavesNothing()
    {
        using MadeUpM2UGen source = new();
        string[] lost = ["llama.layers.1.attention.wk.weight", "llama.layers.2.feed_forward.lora_w2_l2.weight", "prefix_query.weight", "output_projector.tfm.decoder.layers.0.norm3.bias"];
        source.Remove(lost.Contains);
        ExportOptions options = source.Write();

        CheckpointException exception = await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options));

        Assert.All(lost, name => Assert.Contains(name, exception.Message, StringComparison.Ordinal));
        Assert.Contains("4 tensors are missing", exception.Message, StringComparison.Ordinal);
        Assert.Equal(["ckpts"], Directory.EnumerateFileSystemEntries(source.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task ExportAsync_FaultsInEveryPart_AreOneError()
    {
        using MadeUpM2UGen source = new();
        source.Remove(name => name is "llama.norm.weight" or "output_projector.fc.bias" or "llama.layers.1.ffn_norm.weight");
        source.Add("llama.layers.1.ffn_norm.weight", 5);
        source.Add("generation_model.text_encoder.shared.weight", 2, 3);
        ExportOptions options = source.Write() with { MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen") };

        string message = (await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options))).Message;

        Assert.Contains("llama.norm.weight [12]", message, StringComparison.Ordinal);
        Assert.Contains("output_projector.fc.bias [8]", message, StringComparison.Ordinal);
        Assert.Contains("generation_model.decoder.lm_heads.3.weight", message, StringComparison.Ordinal);
        Assert.Contains("generation_model.audio_encoder.decoder.layers.0.conv.bias", message, StringComparison.Ordinal);
        Assert.Contains("2 tensors have another shape", message, StringComparison.Ordinal);
        Assert.Contains("llama.layers.1.ffn_norm.weight: expected shape [12], found [5]", message, StringComparison.Ordinal);
        Assert.Contains("generation_model.text_encoder.shared.weight: expected shape", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_AdaptersWithoutTheBaseLlama_SaysWhereItBelongs()
    {
        using MadeUpM2UGen source = new();
        source.Remove(name => name.EndsWith("attention.wq.weight", StringComparison.Ordinal));
        ExportOptions options = source.Write();

        string message = (await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options))).Message;

        Assert.Contains("3 tensors are missing", message, StringComparison.Ordinal);
        Assert.Contains($"consolidated.00.pth and so on belong into '{Path.Combine(source.LlamaDirectory, "7B")}'", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_DecoderThatIsNotThere_IsRefused()
    {
        using MadeUpM2UGen source = new(isFlat: true);
        ExportOptions options = source.Write() with { MusicDecoderPath = Path.Combine(source.Folder, "absent") };

        Assert.Contains("no such directory", (await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_MusicGenForAnAudioLdm2Checkpoint_IsRefused()
    {
        using MadeUpM2UGen source = new(isFlat: true);
        ExportOptions options = source.Write() with { MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen") };

        Assert.Contains("says audioldm2", (await Assert.ThrowsAsync<ExportException>(() => Exporter.ExportAsync(options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_TapThatNoStageHas_IsNamed()
    {
        using MadeUpM2UGen source = new();
        ExportResult result = await Exporter.ExportAsync(source.Write() with { Taps = ["layers.9*", "layers.?"] });

        Assert.StartsWith("--taps layers.9*: no graph", Assert.Single(result.Warnings, warning => warning.Contains("--taps", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_AdapterOnlyCheckpoint_TakesTheRestFromTheBaseLlama()
    {
        using MadeUpM2UGen source = new();
        ExportOptions whole = source.Write();
        ExportResult expected = await Exporter.ExportAsync(whole);
        using (Checkpoint checkpoint = Checkpoint.Open(whole.Model!))
        {
            // The base has the frozen matrices, and rows of the embedding for its own tokens alone.
            Checkpoints.CheckpointFiles.WriteTorch(
                Path.Combine(source.LlamaDirectory, "7B", "consolidated.00.pth"),
                [.. checkpoint.Tensors.Values.Where(tensor => IsFrozen(tensor.Name)).Select(tensor => (tensor.Name["llama.".Length..], tensor.Shape.ToArray(), tensor.ReadFloat32()))]);
        }

        source.Remove(IsFrozen);
        ExportResult actual = await Exporter.ExportAsync(source.Write() with { OutputPath = Path.Combine(source.Folder, "adapters") });

        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(expected.BundlePath, "llama.onnx.data")),
            await File.ReadAllBytesAsync(Path.Combine(actual.BundlePath, "llama.onnx.data")));
        Assert.Contains("consolidated.00.pth", ModelBundle.Open(actual.BundlePath).Manifest.Sources.Select(file => file.Path));

        static bool IsFrozen(string name) => name.StartsWith("llama.layers.", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal)
            && !name.Contains("lora", StringComparison.Ordinal) && !name.Contains("norm", StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_CancelledWhileWriting_LeavesNothing()
    {
        using MadeUpM2UGen source = new();
        using CancellationTokenSource cancellation = new();
        ExportOptions options = source.Write();
        CancelAt progress = new(cancellation, ExportStage.Write);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Exporter.ExportAsync(options, progress, cancellation.Token));

        Assert.True(progress.WasReached);
        Assert.Equal(["ckpts"], Directory.EnumerateFileSystemEntries(source.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task ExportAsync_TokenizerOfAnotherVocabulary_IsRefused()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();
        await File.WriteAllTextAsync(Path.Combine(source.LlamaDirectory, "added_tokens.json"), """{"<pad>": 800}""");

        CheckpointException exception = await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options));

        Assert.Contains("808", exception.Message, StringComparison.Ordinal);
        Assert.Contains("809", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_MusicGenWithADamagedTokenizer_SaysSoAndLeavesNothing()
    {
        using TemporaryFolder folder = new();
        string model = Directory.CreateDirectory(folder.File("model")).FullName;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Golden("musicgen-stereo"), "model")))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            await File.WriteAllBytesAsync(Path.Combine(model, Path.GetFileName(file)), Path.GetFileName(file) == "spiece.model" ? bytes[..1000] : bytes);
        }

        ModelBundleException exception = await Assert.ThrowsAsync<ModelBundleException>(() => Exporter.ExportAsync(new ExportOptions { Source = model, OutputPath = folder.File("bundle") }));

        Assert.Contains("spiece.model", exception.Message, StringComparison.Ordinal);
        Assert.Equal(["model"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task ExportAsync_Taps_AddOutputsAndNothingElse()
    {
        using MadeUpM2UGen source = new();
        ExportResult result = await Exporter.ExportAsync(source.Write() with { Taps = ["layers.1"], ContextLength = 33 });

        BundleComponent llama = ModelBundle.OpenChecked(result.BundlePath).Component("llama");

        Assert.Equal("layers.1", Assert.Single(llama.Outputs, output => output.Name.StartsWith("layers.", StringComparison.Ordinal)).Name);
        Assert.Equal(33, (int)llama.Config["context_length"]!);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-5)]
    [InlineData(int.MaxValue)]
    public async Task ExportAsync_ContextWithoutMeaning_IsACallersMistake(int length)
        => await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Exporter.ExportAsync(new ExportOptions { OutputPath = "bundle", ContextLength = length }));

    private static ExportOptions TinyOptions(MadeUpM2UGen folder) => new()
    {
        Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
        LlamaDirectory = Path.Combine(Repository.Golden("m2ugen-base"), "llama"),
        MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"),
        OutputPath = Path.Combine(folder.Folder, "bundle"),
    };

    /// <summary>Cancels at the first sign of a stage. Reports come straight from the export's own thread.</summary>
    private sealed class CancelAt(CancellationTokenSource source, ExportStage stage) : IProgress<ExportProgress>
    {
        public bool WasReached { get; private set; }

        public void Report(ExportProgress value)
        {
            if (value.Stage == stage)
            {
                WasReached = true;
                source.Cancel();
            }
        }
    }
}
