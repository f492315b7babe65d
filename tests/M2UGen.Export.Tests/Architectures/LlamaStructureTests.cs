using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The whole structure of a language graph and a projector, approved as text: what the graph writer does is reviewed like code.</summary>
public sealed class LlamaStructureTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("projector")]
    public async Task Export_SmallestM2UGen_HasTheApprovedStructure(string component)
    {
        using MadeUpM2UGen source = new();
        ExportResult bundle = await Exporter.ExportAsync(source.Write());

        string actual = OnnxText.Of(Path.Combine(bundle.BundlePath, $"{component}.onnx"));

        string approved = Path.Combine(Repository.Root, "tests", "M2UGen.Export.Tests", "Approved", $"{component}.txt");
        string received = Path.ChangeExtension(approved, ".received.txt");
        if (!File.Exists(approved) || await File.ReadAllTextAsync(approved) != actual)
        {
            await File.WriteAllTextAsync(received, actual);
            Assert.Fail($"The structure differs from {Path.GetFileName(approved)}. Compare it with {received}; if the change is meant, rename that file over the approved one.");
        }
    }
}
