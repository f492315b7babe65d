using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class BundlePartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-parts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("m2ugen", "component 'llama', tensor 'prefix-text', tokenizer 'llama'")]
    [InlineData("m2ugen-audioldm2", "component 'llama', tensor 'prefix-text', tokenizer 'llama'")]
    [InlineData("musicgen", "component 't5', component 'musicgen-condition', component 'musicgen-decoder', component 'encodec-decoder', tokenizer 't5'")]
    [InlineData("m2ugen-musicgen", "component 'llama', tensor 'prefix-text', tokenizer 'llama', component 't5'")]
    [InlineData("m2ugen-9000", "'m2ugen-9000'")]
    public void Check_NothingInside_ListsEverythingThatLacks(string family, string says)
    {
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => BundleParts.Check(Bundle(family)));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckPrecision_AnotherOne_NamesTheComponents()
    {
        ModelBundle bundle = Bundle("musicgen", """ "t5": {"graph": "t5.onnx", "files": [{"path": "t5.onnx", "size": 1, "sha256": "0"}], "precision": "float32", "inputs": [], "outputs": []} """);
        BundleParts.CheckPrecision(bundle, Precision.Float32);
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => BundleParts.CheckPrecision(bundle, Precision.Float16));
        Assert.Contains("t5 (float32)", error.Message, StringComparison.Ordinal);
    }

    private ModelBundle Bundle(string family, string components = "")
    {
        File.WriteAllText(Path.Combine(_folder, "t5.onnx"), "x");
        string json = $$"""{"components": { {{components}} }, "format_version": 1, "family": "{{family}}", "exporter_version": "1"}""";
        File.WriteAllText(Path.Combine(_folder, BundleManifest.FileName), json);
        return ModelBundle.Open(_folder);
    }
}
