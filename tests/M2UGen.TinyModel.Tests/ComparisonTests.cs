using System.Text.Json;
using M2UGen.Export;
using M2UGen.Export.Comparison;
using M2UGen.Sdk.Mini;
using M2UGen.Testing;
using M2UGen.TinyModel.Tests.Cli;

namespace M2UGen.TinyModel.Tests;

/// <summary>What a precision costs, measured between two exports of one checkpoint.</summary>
public sealed class ComparisonTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-compare-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Run_TinyM2UGen_Int8IsNearerThanInt4AndTheSameIsTheSame()
    {
        string exact = await ExportAsync("float32");
        string half = await ExportAsync("float16");
        string int8 = await ExportAsync("int8");
        string int4 = await ExportAsync("int4");
        ComparisonOptions options = new() { Tokens = 8, Steps = 12, Threads = 1 };

        BundleComparison same = BundleComparison.Run(exact, exact, options, CancellationToken.None);
        BundleComparison nearest = BundleComparison.Run(exact, half, options, CancellationToken.None);
        BundleComparison near = BundleComparison.Run(exact, int8, options, CancellationToken.None);
        BundleComparison far = BundleComparison.Run(exact, int4, options, CancellationToken.None);

        Assert.Equal(0, same.Language!.Tokens.LargestDivergence);
        Assert.Equal([null, null, null], same.Language.FirstDifferences);
        Assert.All(same.Music!.Codebooks, codebook => Assert.Equal(1, codebook.Agreement));
        Assert.All(same.Language.Layers.Worst, layer => Assert.Equal(0, layer.Error));
        Assert.Equal(24, near.Language!.Tokens.Count);
        Assert.InRange(near.Language.Tokens.MeanDivergence, 1e-9, far.Language!.Tokens.MeanDivergence);
        Assert.InRange(near.Language.Tokens.MeanDivergence, 1e-9, 0.05);
        Assert.InRange(nearest.Language!.Tokens.MeanDivergence, 1e-12, near.Language.Tokens.MeanDivergence / 10);
        Assert.InRange(nearest.Music!.Codebooks.Average(codebook => codebook.MeanDivergence), 1e-12, near.Music!.Codebooks.Average(codebook => codebook.MeanDivergence) / 10);
        Assert.True(far.Language.Tokens.MeanDivergence < 5);
        Assert.InRange(near.Music!.Codebooks.Average(codebook => codebook.MeanDivergence), 1e-9, far.Music!.Codebooks.Average(codebook => codebook.MeanDivergence));

        // 12 steps, and codebook k waits for k of them.
        Assert.Equal([36, 33, 30, 27], near.Music.Codebooks.Select(codebook => codebook.Count));
        Assert.Equal(["hidden_states"], near.Language.Layers.Worst.Select(layer => layer.Stage));
    }

    [Fact]
    public async Task Run_BundlesWithTaps_FindsTheWorstLayers()
    {
        string exact = await ExportAsync("float32", "layers.*", "decoder/layer*");
        string rough = await ExportAsync("llama/layers.2/*=int4,musicgen-decoder=int8", "layers.*", "decoder/layer*");

        BundleComparison comparison = BundleComparison.Run(exact, rough, new ComparisonOptions { Tokens = 4, Steps = 4, Threads = 1, Prompts = ["Play."] }, CancellationToken.None);
        Dictionary<string, double> layers = comparison.Language!.Layers.Worst.ToDictionary(layer => layer.Stage, layer => layer.Error);

        Assert.Equal(0, layers["layers.0"]);
        Assert.Equal(0, layers["layers.1"]);
        Assert.InRange(layers["layers.2"], 1e-3, 1);
        Assert.Contains("decoder/layer1", comparison.Music!.Layers.Worst.Select(layer => layer.Stage));
    }

    [Fact]
    public async Task Compare_AsJson_GivesTheFigures()
    {
        CliRun run = await CliRun.OfAsync($"compare {MiniModel.BundlePath} {MiniModel.BundlePath} --prompt flute --steps 5 --threads 1 --json");
        using JsonDocument json = JsonDocument.Parse(run.Output);

        Assert.Equal(0, run.Code);
        Assert.Equal(1, json.RootElement.GetProperty("musicgen").GetProperty("agreement").GetDouble());
        Assert.False(json.RootElement.TryGetProperty("llama", out _));

        run = await CliRun.OfAsync($"compare {MiniModel.BundlePath} {MiniModel.BundlePath} --prompt flute --steps 5 --threads 1");
        Assert.Contains("same most probable codes: 100.0 %", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NothingInCommon_SaysSo()
    {
        string language = await ExportAsync("float32");
        Directory.Move(language, language + "-whole");
        await Exporter.ExportAsync(Options("language", PrecisionPolicy.Float32) with { MusicDecoderPath = null });

        ExportException error = Assert.Throws<ExportException>(() => BundleComparison.Run(Path.Combine(folder, "language"), MiniModel.BundlePath, new ComparisonOptions(), CancellationToken.None));
        Assert.Contains("in common", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ExportException>(() => BundleComparison.Run(language + "-whole", MiniModel.BundlePath, new ComparisonOptions(), CancellationToken.None));
        Assert.Contains("different sizes", error.Message, StringComparison.Ordinal);
    }

    private async Task<string> ExportAsync(string precision, params string[] taps)
    {
        ExportOptions options = Options($"bundle-{Directory.GetDirectories(folder).Length}", PrecisionPolicy.Parse(precision) with { BlockSize = 32 });
        return (await Exporter.ExportAsync(options with { Taps = taps })).BundlePath;
    }

    private ExportOptions Options(string name, PrecisionPolicy precision) => new()
    {
        OutputPath = Path.Combine(folder, name),
        Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
        LlamaDirectory = Path.Combine(Repository.Golden("m2ugen-base"), "llama"),
        MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"),
        Precision = precision,
    };
}
