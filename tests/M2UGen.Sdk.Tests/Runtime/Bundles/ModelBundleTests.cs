using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Runtime.Bundles;

public sealed class ModelBundleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-bundle-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_WhatWasWritten_GivesTheSameManifest()
    {
        Write(Manifest());

        ModelBundle bundle = ModelBundle.Open(_folder);

        Assert.Equal(BundleFamily.M2UGen, bundle.Manifest.Family);
        BundleComponent component = bundle.Component("llama");
        Assert.Equal("input_ids: Int64 [1, sequence]", component.Inputs[0].ToString());
        Assert.Equal(2, (int?)component.Config["layers"]);
        Assert.Equal([1.5f, -2f], bundle.ReadTensor("prefix-text"));
    }

    [Fact]
    public async Task Open_FilesThatAreLinks_TakesTheirTargetsSizes()
    {
        Write(Manifest());
        string elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "blobs")).FullName;
        foreach (string file in Directory.GetFiles(_folder))
        {
            string blob = Path.Combine(elsewhere, Path.GetFileName(file));
            File.Move(file, blob);
            File.CreateSymbolicLink(file, blob);
        }

        Assert.Empty(await ModelBundle.Open(_folder).VerifyAsync());
    }

    [Fact]
    public async Task VerifyAsync_ChangedByte_NamesTheFile()
    {
        Write(Manifest());
        Assert.Empty(await ModelBundle.Open(_folder).VerifyAsync());

        await File.WriteAllBytesAsync(Path.Combine(_folder, "llama.onnx"), "grapH"u8.ToArray());

        Assert.StartsWith("llama.onnx: SHA-256", Assert.Single(await ModelBundle.Open(_folder).VerifyAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoDirectory_SaysHowToMakeOne()
    {
        ModelBundleException exception = Assert.Throws<ModelBundleException>(() => ModelBundle.Open(Path.Combine(_folder, "absent")));
        Assert.Contains("m2ugen-export", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Checkpoint_SaysToExportItFirst()
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), "{}");
        Assert.Contains("checkpoint", Assert.Throws<ModelBundleException>(() => ModelBundle.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"format_version": 2, "family": "musicgen"}""", "format version 2")]
    [InlineData("""{"family": "musicgen"}""", "format_version")]
    [InlineData("""{"format_version": 1}""", "not a valid manifest")]
    [InlineData("""{"format_version": 1, "family": null, "exporter_version": "1", "components": {}}""", "not a valid manifest")]
    [InlineData("""{"format_version": 1, "family": "musicgen", "exporter_version": "1", "components": {"t5": null}}""", "holds null")]
    [InlineData("""{"format_version": 1, "family": "musicgen", "exporter_version": "1", "components": {}, "sources": [{"size": 3}]}""", "not a valid manifest")]
    [InlineData("""[1, 2]""", "format_version")]
    [InlineData("""{"format_version": 1, """, "not a valid manifest")]
    [InlineData("", "not a valid manifest")]
    public void Open_DamagedManifest_IsRefused(string json, string reason)
    {
        File.WriteAllText(Path.Combine(_folder, BundleManifest.FileName), json);
        Assert.Contains(reason, Assert.Throws<ModelBundleException>(() => ModelBundle.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_MissingAndShortFiles_ListsBoth()
    {
        Write(Manifest());
        File.Delete(Path.Combine(_folder, "llama.onnx"));
        File.WriteAllText(Path.Combine(_folder, "prefix-text.bin"), "abc");

        string message = Assert.Throws<ModelBundleException>(() => ModelBundle.Open(_folder)).Message;

        Assert.Contains("llama.onnx: missing", message, StringComparison.Ordinal);
        Assert.Contains("prefix-text.bin: 3 bytes, expected 8", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../outside.bin")]
    [InlineData("/etc/hostname")]
    public void Open_FileOutsideTheBundle_IsRefused(string path)
    {
        BundleManifest manifest = Manifest();
        Write(manifest with { Tensors = new() { ["prefix-text"] = new BundleTensor(new BundleFile(path, 8, new string('0', 64)), [2]) } });
        Assert.Contains("outside", Assert.Throws<ModelBundleException>(() => ModelBundle.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadTensor_ShapeThatOverflows_IsRefused()
    {
        BundleManifest manifest = Manifest();
        Write(manifest with { Tensors = new() { ["prefix-text"] = manifest.Tensors["prefix-text"] with { Shape = [1L << 40, 1L << 40] } } });
        Assert.Throws<ModelBundleException>(() => ModelBundle.Open(_folder).ReadTensor("prefix-text"));
    }

    [Fact]
    public void OpenChecked_BrokenContract_ListsEveryDifference()
    {
        Write(Manifest());

        string message = Assert.Throws<ModelBundleException>(() => ModelBundle.OpenChecked(_folder)).Message;

        Assert.Contains("tokenizer 'llama' is missing", message, StringComparison.Ordinal);
        Assert.Contains("component 'llama' has no input 'prefix'", message, StringComparison.Ordinal);
        Assert.Contains("component 'llama' has no output 'logits'", message, StringComparison.Ordinal);
    }

    private static BundleFile FileOf(string name, byte[] content) => new(name, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));

    private static byte[] Prefix()
    {
        byte[] bytes = new byte[8];
        BitConverter.TryWriteBytes(bytes, 1.5f);
        BitConverter.TryWriteBytes(bytes.AsSpan(4), -2f);
        return bytes;
    }

    private static BundleManifest Manifest() => new()
    {
        FormatVersion = BundleManifest.CurrentFormatVersion,
        Family = BundleFamily.M2UGen,
        ExporterVersion = "test",
        Components = new()
        {
            ["llama"] = new BundleComponent
            {
                Graph = "llama.onnx",
                Files = [FileOf("llama.onnx", Encoding.ASCII.GetBytes("graph"))],
                Precision = "float32",
                Inputs = [new TensorSpec("input_ids", TensorElementKind.Int64, [1, "sequence"])],
                Outputs = [],
                Config = new JsonObject { ["layers"] = 2 },
            },
        },
        Tensors = new() { ["prefix-text"] = new BundleTensor(FileOf("prefix-text.bin", Prefix()), [1, 2]) },
    };

    private void Write(BundleManifest manifest)
    {
        File.WriteAllText(Path.Combine(_folder, "llama.onnx"), "graph");
        File.WriteAllBytes(Path.Combine(_folder, "prefix-text.bin"), Prefix());
        File.WriteAllBytes(Path.Combine(_folder, BundleManifest.FileName), JsonSerializer.SerializeToUtf8Bytes(manifest, BundleJson.Default.BundleManifest));
    }
}
