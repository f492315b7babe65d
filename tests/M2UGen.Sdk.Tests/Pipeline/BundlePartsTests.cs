using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class BundlePartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-parts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void CheckPrecision_AnotherOne_NamesTheComponents()
    {
        ModelBundle bundle = Bundle("musicgen", """ "t5": {"graph": "t5.onnx", "files": [{"path": "t5.onnx", "size": 1, "sha256": "0"}], "precision": "float32", "inputs": [], "outputs": []} """);
        BundleParts.CheckPrecision(bundle, Precision.Float32);
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => BundleParts.CheckPrecision(bundle, Precision.Float16));
        Assert.Contains("t5 (float32)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckPrecision_Integers_ConcernTheLanguageModelsAlone()
    {
        const string T5 = """ "t5": {"graph": "t5.onnx", "files": [{"path": "t5.onnx", "size": 1, "sha256": "0"}], "precision": "float32", "inputs": [], "outputs": []} """;
        string decoder = T5.Replace("\"t5\"", "\"musicgen-decoder\"", StringComparison.Ordinal).Replace("float32", "int4", StringComparison.Ordinal);

        ModelBundle bundle = Bundle("musicgen", $"{T5}, {decoder}");
        BundleParts.CheckPrecision(bundle, Precision.Int4);
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => BundleParts.CheckPrecision(bundle, Precision.Int8));
        Assert.Contains("musicgen-decoder (int4)", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("t5", error.Message, StringComparison.Ordinal);

        error = Assert.Throws<UnsupportedCapabilityException>(() => BundleParts.CheckPrecision(Bundle("musicgen", T5), Precision.Int4));
        Assert.Contains("musicgen-decoder", error.Message, StringComparison.Ordinal);
    }

    private ModelBundle Bundle(string family, string components = "")
    {
        File.WriteAllText(Path.Combine(_folder, "t5.onnx"), "x");
        string json = $$"""{"components": { {{components}} }, "format_version": 1, "family": "{{family}}", "exporter_version": "1"}""";
        File.WriteAllText(Path.Combine(_folder, BundleManifest.FileName), json);
        return ModelBundle.Open(_folder);
    }
}
