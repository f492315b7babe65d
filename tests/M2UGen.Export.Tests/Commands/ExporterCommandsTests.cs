using System.CommandLine;
using System.Text.Json;
using M2UGen.Export.Commands;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Tests.Commands;

/// <summary>The commands as a user types them: exit codes, what goes to the output and what to the error output.</summary>
public sealed class ExporterCommandsTests
{
    [Fact]
    public async Task Export_WholeLine_MakesABundleAndReportsItAsJson()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();

        (int code, string output, string error) = await RunAsync(
            "export", "--model", options.Model!, "--llama_dir", options.LlamaDirectory!, "--music_decoder", "MusicGen", "-o", options.OutputPath, "--taps", "layers.0", "layers.2", "--json");

        Assert.Equal(ExporterCommands.Success, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(options.OutputPath, json.RootElement.GetProperty("bundle").GetString());
        Assert.Contains("writing llama", error, StringComparison.Ordinal);
        Assert.Contains("takes no audio", error, StringComparison.Ordinal);
        Assert.Equal(2, ModelBundle.Open(options.OutputPath).Component("llama").Outputs.Count(tensor => tensor.Name.StartsWith("layers.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Export_CkptsFolder_IsFoundByItsLayout()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();

        (int code, string output, _) = await RunAsync("export", Path.Combine(source.Folder, "ckpts"), "-o", options.OutputPath);

        Assert.Equal(ExporterCommands.Success, code);
        Assert.Contains("components llama, projector", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("export", "somewhere")]
    [InlineData("export", "-o", "bundle", "--music_decoder", "jukebox")]
    [InlineData("export", "-o", "bundle", "--no_such_switch")]
    [InlineData("verify")]
    public async Task Invoke_WrongUsage_IsTwo(params string[] args)
    {
        (int code, _, string error) = await RunAsync(args);

        Assert.Equal(ExporterCommands.WrongUsage, code);
        Assert.NotEmpty(error);
    }

    [Fact]
    public async Task Export_NoSuchCheckpoint_IsOneAndNamesIt()
    {
        using MadeUpM2UGen source = new();

        (int code, string output, string error) = await RunAsync("export", "--model", "no-such.pth", "--llama_dir", source.LlamaDirectory, "-o", Path.Combine(source.Folder, "bundle"), "--json");

        Assert.Equal(ExporterCommands.Failure, code);
        Assert.Contains("no-such.pth", error, StringComparison.Ordinal);
        Assert.Contains("no-such.pth", JsonDocument.Parse(output).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_Cancelled_Is130()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();

        (int code, _, _) = await RunAsync(new CancellationToken(canceled: true), "export", "--model", options.Model!, "--llama_dir", options.LlamaDirectory!, "-o", options.OutputPath);

        Assert.Equal(ExporterCommands.Cancelled, code);
        Assert.False(Directory.Exists(options.OutputPath));
    }

    [Fact]
    public async Task Verify_WholeAndTamperedBundle_TellsThemApart()
    {
        using MadeUpM2UGen source = new();
        ExportResult bundle = await Exporter.ExportAsync(source.Write());

        (int whole, string output, _) = await RunAsync("verify", bundle.BundlePath);
        string weights = Path.Combine(bundle.BundlePath, "llama.onnx.data");
        byte[] bytes = await File.ReadAllBytesAsync(weights);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(weights, bytes);
        (int tampered, string json, string error) = await RunAsync("verify", bundle.BundlePath, "--json");

        Assert.Equal(ExporterCommands.Success, whole);
        Assert.Contains("as they were written", output, StringComparison.Ordinal);
        Assert.Equal(ExporterCommands.Failure, tampered);
        Assert.Contains("llama.onnx.data", error, StringComparison.Ordinal);
        Assert.False(JsonDocument.Parse(json).RootElement.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task Inspect_CheckpointAndBundle_ListWhatTheyHold()
    {
        using MadeUpM2UGen source = new();
        ExportOptions options = source.Write();
        ExportResult bundle = await Exporter.ExportAsync(options);

        (int checkpointCode, string checkpoint, _) = await RunAsync("inspect", options.Model!);
        (int bundleCode, string listed, _) = await RunAsync("inspect", bundle.BundlePath);
        (int jsonCode, string json, _) = await RunAsync("inspect", options.Model!, "--json");

        Assert.Equal((0, 0, 0), (checkpointCode, bundleCode, jsonCode));
        Assert.Contains("llama.layers.2.attention.gate  F32 [1, 2, 1, 1]", checkpoint, StringComparison.Ordinal);
        Assert.Contains("prefix-text  constant [3, 12]", listed, StringComparison.Ordinal);
        Assert.Contains("past_key_values.2.value: Float [1, 1, capacity, 16]", listed, StringComparison.Ordinal);
        JsonElement gate = JsonDocument.Parse(json).RootElement.GetProperty("tensors").EnumerateArray().Single(tensor => tensor.GetProperty("name").GetString() == "llama.layers.2.attention.gate");
        Assert.Equal([1, 2, 1, 1], gate.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(params string[] args) => RunAsync(CancellationToken.None, args);

    private static async Task<(int Code, string Output, string Error)> RunAsync(CancellationToken cancellationToken, params string[] args)
    {
        RootCommand root = new("test") { ExporterCommands.Export(), ExporterCommands.Inspect(), ExporterCommands.Verify() };
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await ExporterCommands.InvokeAsync(root, args, new InvocationConfiguration { Output = output, Error = error }, cancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
