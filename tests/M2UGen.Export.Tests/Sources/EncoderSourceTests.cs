using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Sources;

/// <summary>Encoders' directories as bundles of their own.</summary>
public sealed class EncoderSourceTests : IDisposable
{
    private static readonly string Base = Repository.Golden("m2ugen-base");
    private static readonly string TinyCheckpoint = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("mert", "MERT")]
    [InlineData("vit", "ViT")]
    [InlineData("vivit", "ViViT")]
    public async Task ExportAsync_AnEncodersDirectory_IsTheComponentOfTheWholeModel(string encoder, string name)
    {
        ExportResult whole = await Exporter.ExportAsync(new ExportOptions
        {
            Model = TinyCheckpoint,
            LlamaDirectory = Path.Combine(Base, "llama"),
            MertPath = Path.Combine(Base, "mert"),
            VitPath = Path.Combine(Base, "vit"),
            VivitPath = Path.Combine(Base, "vivit"),
            OutputPath = _folder.File("whole"),
        });

        ExportResult result = await Exporter.ExportAsync(Options(encoder));

        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);
        Assert.Equal((BundleFamily.M2UGenEncoder, encoder), (result.Family, Assert.Single(result.Components)));
        Assert.Empty(result.Warnings);
        Assert.Empty(await bundle.VerifyAsync());
        Assert.Equal(ModelBundle.Open(whole.BundlePath).Manifest.Preprocessing[encoder]!.ToJsonString(), bundle.Manifest.Preprocessing[encoder]!.ToJsonString());
        Assert.Equal(["M2UGen", name], bundle.Manifest.Licences.Select(licence => licence.Source));
        Assert.Equal(["checkpoint.pth", "config.json", "preprocessor_config.json"], bundle.Manifest.Sources.Select(source => source.Path));
        foreach (BundleFile file in bundle.Component(encoder).Files)
        {
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(whole.BundlePath, file.Path)), await File.ReadAllBytesAsync(bundle.PathOf(file.Path)));
        }
    }

    [Fact]
    public async Task ExportAsync_WeightsInTheDirectoryAndAggregationElsewhere_GivesTheSameComponent()
    {
        using Checkpoint checkpoint = Checkpoint.Open(TinyCheckpoint);
        WeightMap map = WeightMap.From(checkpoint);
        string vit = Directory.CreateDirectory(_folder.File("vit")).FullName;
        File.Copy(Path.Combine(Base, "vit", "config.json"), Path.Combine(vit, "config.json"));
        Write(Path.Combine(vit, "model.safetensors"), map.Under("vit_model."), _ => true);
        Write(_folder.File("aggregation.safetensors"), map, tensor => tensor.StartsWith("iu_vit_agg.", StringComparison.Ordinal));

        ExportResult expected = await Exporter.ExportAsync(Options("vit"));
        ExportResult actual = await Exporter.ExportAsync(new ExportOptions { Source = vit, Model = _folder.File("aggregation.safetensors"), OutputPath = _folder.File("again") });

        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(expected.BundlePath, "vit.onnx.data")), await File.ReadAllBytesAsync(Path.Combine(actual.BundlePath, "vit.onnx.data")));
        Assert.Equal(["aggregation.safetensors", "config.json", "model.safetensors"], ModelBundle.Open(actual.BundlePath).Manifest.Sources.Select(source => source.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ExportAsync_ACheckpointWithoutTheAggregation_NamesIt()
    {
        CheckpointFiles.WriteSafetensors(_folder.File("other.safetensors"), ("iu_vit_agg.bias", [1], [0]));
        using Checkpoint checkpoint = Checkpoint.Open(TinyCheckpoint);
        string vit = Directory.CreateDirectory(_folder.File("vit")).FullName;
        File.Copy(Path.Combine(Base, "vit", "config.json"), Path.Combine(vit, "config.json"));
        Write(Path.Combine(vit, "model.safetensors"), WeightMap.From(checkpoint).Under("vit_model."), _ => true);

        CheckpointException e = await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(Options("vit") with { Source = vit, Model = _folder.File("other.safetensors") }));

        Assert.Contains("other.safetensors", e.Message, StringComparison.Ordinal);
        Assert.Contains("iu_vit_agg.weight [1, 197, 1]", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Options("vit").OutputPath));
    }

    [Theory]
    [InlineData("mert", "means")]
    [InlineData("vit", "last_hidden_state")]
    [InlineData("vivit", "last_hidden_state")]
    public async Task ExportAsync_WithTaps_HasThemAsOutputs(string encoder, string tap)
    {
        ExportResult result = await Exporter.ExportAsync(Options(encoder) with { Taps = [tap] });
        Assert.Contains(ModelBundle.OpenChecked(result.BundlePath).Component(encoder).Outputs, output => output.Name == tap);
    }

    [Fact]
    public async Task LoadAsync_OfAnEncoder_SaysWhatItIs()
    {
        ExportResult result = await Exporter.ExportAsync(Options("mert"));
        UnsupportedCapabilityException e = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => M2UGenPipeline.FromBundle(result.BundlePath).LoadAsync());
        Assert.Contains("an encoder of M2UGen alone (mert)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_AnEncodersDirectory_NeedsACheckpointAndNothingOfAWholeModel()
    {
        ExportOptions options = Options("mert");

        Assert.Equal(new EncoderParts(Path.Combine(Base, "mert"), TinyCheckpoint), SourceFinder.Find(options).Encoder);
        Assert.Contains("mu_mert_agg.weight and mu_mert_agg.bias, with --model", Refusal(options with { Model = null }), StringComparison.Ordinal);
        Assert.Contains("--mert_path and nothing as source", Refusal(options with { LlamaDirectory = "llama" }), StringComparison.Ordinal);
        Assert.Contains("a MERT directory, which exports by itself", Refusal(options with { MusicDecoder = "musicgen" }), StringComparison.Ordinal);
        Assert.Contains("exports by itself", Refusal(options with { MusicDecoderPath = "musicgen" }), StringComparison.Ordinal);
        Assert.Contains("--vit_path, --knn_dir: not used. An encoder's directory", Assert.Single(SourceFinder.Find(options with { VitPath = "vit", KnnDirectory = Base }).Remarks), StringComparison.Ordinal);

        static string Refusal(ExportOptions options) => Assert.Throws<ExportException>(() => SourceFinder.Find(options)).Message;
    }

    private ExportOptions Options(string encoder) => new() { Source = Path.Combine(Base, encoder), Model = TinyCheckpoint, OutputPath = _folder.File($"bundle-{encoder}") };

    private static void Write(string path, WeightMap map, Predicate<string> wanted) => CheckpointFiles.WriteSafetensors(path, [.. map.Names
        .Where(name => wanted(name) && map.Find(name)!.ElementType == TensorElementType.Float32)
        .Select(name => (name, map.Find(name)!.Shape.ToArray(), map.Find(name)!.ReadFloat32()))]);
}
