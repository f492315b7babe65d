using M2UGen.Export.Checkpoints;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Sources;

/// <summary>Encoders, prefix graphs and the kNN index in an M2UGen's bundle.</summary>
public sealed class SensesSourceTests
{
    private static readonly string Base = Repository.Golden("m2ugen-base");

    [Fact]
    public async Task ExportAsync_TinyM2UGenWithAllSenses_HasThem()
    {
        using TemporaryFolder folder = new();
        ExportResult result = await Exporter.ExportAsync(Tiny(folder));

        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);

        Assert.Equal(["llama", "mert", "prefix-audio", "prefix-image", "prefix-video", "projector", "vit", "vivit"], result.Components);
        Assert.Equal("prefix: Float [6, 64]", bundle.Component("prefix-video").Outputs.Single().ToString());
        Assert.Equal(["mert", "vit", "vivit"], bundle.Manifest.Preprocessing.Select(section => section.Key));
        Assert.Equal(["M2UGen", "LLaMA", "MERT", "ViT", "ViViT"], bundle.Manifest.Licences.Select(licence => licence.Source));
        Assert.Equal(719, (int)bundle.Component("mert").Config["max_samples_of_one_frame"]!);
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(Base, "knn.index")), await File.ReadAllBytesAsync(bundle.PathOf(bundle.Manifest.Indexes["knn"].Path)));
        Assert.Contains("knn.index", bundle.Manifest.Sources.Select(source => source.Path));
        Assert.Equal(3, bundle.Manifest.Sources.Count(source => source.Path == "preprocessor_config.json"));
        Assert.Empty(await bundle.VerifyAsync());
        Assert.Contains("makes no music", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_SomeSenses_SaysWhichAreAbsent()
    {
        using TemporaryFolder folder = new();
        ExportResult result = await Exporter.ExportAsync(Tiny(folder) with { MertPath = null, VivitPath = null });

        Assert.Equal(["llama", "prefix-image", "projector", "vit"], result.Components);
        Assert.Contains("No directory was given for --mert_path and --vivit_path: the bundle takes no audio and no video.", result.Warnings);
        Assert.Contains("'knn.index' is left out: its rows are features of audio, and the bundle takes none.", result.Warnings);
        Assert.Empty(ModelBundle.Open(result.BundlePath).Manifest.Indexes);
    }

    [Fact]
    public async Task ExportAsync_NoLayerTakesAPrefix_HasNoSenseAndSaysSo()
    {
        using MadeUpM2UGen model = new();
        model.Remove(name => name == "prefix_query.weight");
        model.Add("prefix_query.weight", 0, 12);

        ExportResult result = await Exporter.ExportAsync(model.Write() with { MertPath = Path.Combine(Base, "mert"), KnnDirectory = Base });

        Assert.Equal(["llama", "projector"], result.Components);
        Assert.Contains(result.Warnings, warning => warning.StartsWith("prefix_query has no rows", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ExportAsync_CheckpointWithoutTheEncoder_TakesTheDirectorysWeights()
    {
        using TemporaryFolder folder = new();
        ExportResult expected = await Exporter.ExportAsync(Tiny(folder));
        using Checkpoint checkpoint = Checkpoint.Open(Tiny(folder).Model!);
        string vit = Directory.CreateDirectory(folder.File("vit")).FullName;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Base, "vit")))
        {
            File.Copy(file, Path.Combine(vit, Path.GetFileName(file)));
        }

        WeightMap map = WeightMap.From(checkpoint);
        WriteTensors(Path.Combine(vit, "model.safetensors"), map, "vit_model.", "");
        string rest = folder.File("rest.safetensors");
        WriteTensors(rest, map, "", "vit_model.");

        ExportResult actual = await Exporter.ExportAsync(Tiny(folder) with { Model = rest, VitPath = vit, OutputPath = folder.File("again") });

        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(expected.BundlePath, "vit.onnx.data")),
            await File.ReadAllBytesAsync(Path.Combine(actual.BundlePath, "vit.onnx.data")));
        Assert.Contains("model.safetensors", ModelBundle.Open(actual.BundlePath).Manifest.Sources.Select(source => source.Path));
    }

    [Fact]
    public async Task ExportAsync_AdaptersThatAreMissing_AreListedWithTheRest()
    {
        using MadeUpM2UGen source = new();
        source.Remove(name => name == "llama.norm.weight");
        ExportOptions options = source.Write() with { VitPath = Path.Combine(Base, "vit"), MertPath = Path.Combine(Base, "mert") };
        using TemporaryFolder weights = new();
        source.Add("mert_model.feature_projection.projection.weight", 1, 1);
        source.Add("vit_model.layernorm.weight", 24);
        source.Write();

        string message = (await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(options))).Message;

        Assert.Contains("llama.norm.weight", message, StringComparison.Ordinal);
        Assert.Contains("mu_mert_agg.weight [1, 25, 1]", message, StringComparison.Ordinal);
        Assert.Contains("iu_vit_norm_3.weight [12]", message, StringComparison.Ordinal);
        Assert.Contains("vit_model.embeddings.cls_token", message, StringComparison.Ordinal);
        Assert.Contains("mert_model.feature_projection.projection.weight: expected shape [24, 16]", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IwFl", "an inverted file")]
    [InlineData("IxMp", "an ID map")]
    public async Task ExportAsync_IndexOfAnotherKind_IsRefusedByName(string type, string named)
    {
        using TemporaryFolder folder = new();
        byte[] index = await File.ReadAllBytesAsync(Path.Combine(Base, "knn.index"));
        System.Text.Encoding.ASCII.GetBytes(type, index);
        await File.WriteAllBytesAsync(folder.File("knn.index"), index);

        ModelBundleException exception = await Assert.ThrowsAsync<ModelBundleException>(() => Exporter.ExportAsync(Tiny(folder) with { KnnDirectory = folder.Path }));

        Assert.Contains(named, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("bundle")));
    }

    [Fact]
    public async Task ExportAsync_EncoderThatIsNotThere_IsRefused()
    {
        using TemporaryFolder folder = new();

        CheckpointException exception = await Assert.ThrowsAsync<CheckpointException>(() => Exporter.ExportAsync(Tiny(folder) with { VivitPath = folder.File("absent") }));

        Assert.Contains("no such directory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportAsync_GatesOfOneMediumClosed_NamesTheMedium()
    {
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Checkpoint.Open(Tiny(folder).Model!);
        string path = folder.File("closed.safetensors");
        WriteTensors(path, WeightMap.From(checkpoint), "", "no prefix", name => name.EndsWith(".gate", StringComparison.Ordinal) && LayerOf(name) is >= 8 and < 14);

        ExportResult result = await Exporter.ExportAsync(Tiny(folder) with { Model = path });

        Assert.Contains("The prefix gates of layers 8 to 13 are all zero: image has no effect on the answers of this checkpoint.", result.Warnings);
        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("audio has no effect", StringComparison.Ordinal));

        static int LayerOf(string name) => int.Parse(name.Split('.')[2], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static ExportOptions Tiny(TemporaryFolder folder) => new()
    {
        Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
        LlamaDirectory = Path.Combine(Base, "llama"),
        MertPath = Path.Combine(Base, "mert"),
        VitPath = Path.Combine(Base, "vit"),
        VivitPath = Path.Combine(Base, "vivit"),
        KnnDirectory = Base,
        OutputPath = folder.File("bundle"),
    };

    /// <summary>Writes the tensors below <paramref name="prefix"/>, without it, and without those that start with <paramref name="without"/>.</summary>
    private static void WriteTensors(string path, WeightMap map, string prefix, string without, Predicate<string>? zeros = null)
    {
        WeightMap part = prefix.Length == 0 ? map : map.Under(prefix);
        Checkpoints.CheckpointFiles.WriteSafetensors(path, [.. part.Names
            .Where(name => !name.StartsWith("generation_model.", StringComparison.Ordinal) && (without.Length == 0 || !name.StartsWith(without, StringComparison.Ordinal)))
            .Select(name => (name, map: part.Find(name)!))
            .Where(tensor => tensor.map.ElementType is TensorElementType.Float32 or TensorElementType.Float16)
            .Select(tensor => (tensor.name, tensor.map.Shape.ToArray(), zeros?.Invoke(tensor.name) == true ? new float[tensor.map.ElementCount] : tensor.map.ReadFloat32()))]);
    }
}
