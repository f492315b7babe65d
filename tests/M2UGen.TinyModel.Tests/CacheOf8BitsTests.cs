using M2UGen.Export;
using M2UGen.Export.Comparison;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;
using M2UGen.TinyModel.Tests.Cli;

namespace M2UGen.TinyModel.Tests;

/// <summary>Bundles whose language models keep keys and values in 8 bits: exported, measured, run and damaged.</summary>
public sealed class CacheOf8BitsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-cache-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Export_QuantisedMatrices_MeasuresBothCaches()
    {
        ExportResult result = await Exporter.ExportAsync(Options("auto", PrecisionPolicy.Parse("int8") with { BlockSize = 32 }));
        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);

        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("cache", StringComparison.Ordinal));
        foreach (string component in (string[])["llama", "musicgen-decoder"])
        {
            Assert.Equal(TensorElementKind.Int8, KVCacheFormat.KindOf(bundle.Component(component)));
            Assert.All(KVCacheFormat.ReadScales(bundle, component), scale => Assert.InRange(scale, 1e-6f, 10f));
        }

        Assert.Empty(await bundle.VerifyAsync(null, CancellationToken.None));
    }

    [Fact]
    public async Task Export_FloatMatrices_KeepsAFloatCache()
    {
        string path = (await Exporter.ExportAsync(Options("float", PrecisionPolicy.Float32))).BundlePath;
        BundleManifest manifest = ModelBundle.OpenChecked(path).Manifest;

        Assert.Equal(TensorElementKind.Float, KVCacheFormat.KindOf(manifest.Components["llama"]));
        Assert.DoesNotContain(manifest.Tensors.Keys, name => name.StartsWith("cache-scales-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_MeasuredScales_AnswersNearlyAsFloats()
    {
        PrecisionPolicy cached = PrecisionPolicy.Float32 with { KeyValueCache = Precision.Int8 };
        string exact = (await Exporter.ExportAsync(Options("exact", PrecisionPolicy.Float32))).BundlePath;
        ExportResult estimated = await Exporter.ExportAsync(Options("estimated", cached) with { CalibratesCache = false });
        string measured = (await Exporter.ExportAsync(Options("measured", cached))).BundlePath;
        ComparisonOptions options = new() { Tokens = 8, Steps = 12, Threads = 1 };

        BundleComparison near = BundleComparison.Run(exact, measured, options, CancellationToken.None);
        BundleComparison far = BundleComparison.Run(exact, estimated.BundlePath, options, CancellationToken.None);

        Assert.Contains(estimated.Warnings, warning => warning.Contains("llama, musicgen-decoder", StringComparison.Ordinal));
        Assert.InRange(near.Language!.Tokens.MeanDivergence, 1e-12, 1e-3);
        Assert.InRange(near.Music!.Codebooks.Average(codebook => codebook.MeanDivergence), 1e-12, 1e-3);
        Assert.InRange(near.Language.Tokens.MeanDivergence, 0, far.Language!.Tokens.MeanDivergence);

        // Measuring afterwards gives what measuring at once gives.
        CliRun run = await CliRun.OfAsync($"calibrate {estimated.BundlePath}");
        Assert.Equal(0, run.Code);
        Assert.Equal(KVCacheFormat.ReadScales(ModelBundle.Open(measured), "llama"), KVCacheFormat.ReadScales(ModelBundle.Open(estimated.BundlePath), "llama"));
        Assert.Empty(await ModelBundle.OpenChecked(estimated.BundlePath).VerifyAsync(null, CancellationToken.None));
    }

    [Fact]
    public async Task Calibrate_WithoutACacheOf8Bits_SaysSo()
    {
        string path = (await Exporter.ExportAsync(Options("float", PrecisionPolicy.Float32))).BundlePath;
        CliRun run = await CliRun.OfAsync($"calibrate {path}");

        Assert.Equal(1, run.Code);
        Assert.Contains("--kv_cache int8", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(0f)]
    [InlineData(-1f)]
    public async Task Open_ScalesThatAreNoPositiveNumbers_IsRefused(float damaged)
    {
        string path = (await Exporter.ExportAsync(Options("bundle", PrecisionPolicy.Float32 with { KeyValueCache = Precision.Int8 }) with { CalibratesCache = false })).BundlePath;
        string file = Path.Combine(path, "cache-scales-llama.bin");
        byte[] bytes = await File.ReadAllBytesAsync(file);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), damaged);
        await File.WriteAllBytesAsync(file, bytes);

        ModelBundleException error = await Assert.ThrowsAsync<ModelBundleException>(() => M2UGenPipeline.FromBundle(path).LoadAsync());
        Assert.Contains("cache-scales-llama", error.Message, StringComparison.Ordinal);
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
