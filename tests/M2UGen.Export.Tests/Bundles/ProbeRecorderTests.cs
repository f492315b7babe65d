using M2UGen.Export.Bundles;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Bundles;

public sealed class ProbeRecorderTests
{
    [Fact]
    public async Task ExportAsync_Default_RecordsEveryComponentOfTheBundle()
    {
        using TemporaryFolder folder = new();
        List<ExportStage> stages = [];
        ExportResult result = await Exporter.ExportAsync(Melody(folder), new Stages(stages));

        ModelBundle bundle = ModelBundle.Open(result.BundlePath);
        ProbeFile file = ProbeFile.Read(bundle)!;

        Assert.Equal(bundle.ManifestSha256, file.ManifestSha256);
        Assert.Equal(bundle.Manifest.Components.Keys, file.Components.Keys.Order(StringComparer.Ordinal));
        Assert.All(file.Components.Values, probe => Assert.Null(probe.NotProbed));
        Assert.Contains(ExportStage.Probe, stages);
        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("probe", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task ExportAsync_WithForce_ReplacesABundleWithProbes()
    {
        using TemporaryFolder folder = new();
        ExportResult first = await Exporter.ExportAsync(Melody(folder));
        ExportResult second = await Exporter.ExportAsync(Melody(folder) with { Force = true, RecordsProbes = false });

        Assert.Equal(first.ManifestSha256, second.ManifestSha256);
        Assert.Null(ProbeFile.Read(ModelBundle.Open(second.BundlePath)));
    }

    [Fact]
    public async Task Record_ComponentThatDoesNotRun_SaysWhyWithoutNamingTheDisk()
    {
        using TemporaryFolder folder = new();
        ExportResult result = await Exporter.ExportAsync(Melody(folder) with { RecordsProbes = false });
        ModelBundle bundle = ModelBundle.Open(result.BundlePath);
        string graph = bundle.PathOf("t5.onnx");
        await File.WriteAllBytesAsync(graph, new byte[new FileInfo(graph).Length]);

        ProbeFile file = ProbeRecorder.Record(bundle, all: true, null, CancellationToken.None);

        Assert.StartsWith("it does not run here", file.Components["t5"].NotProbed, StringComparison.Ordinal);
        Assert.Null(file.Components["musicgen-decoder"].NotProbed);
        string text = await File.ReadAllTextAsync(Path.Combine(result.BundlePath, ProbeFile.FileName));
        Assert.DoesNotContain(result.BundlePath, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Record_Cancelled_LeavesTheOldFile()
    {
        using TemporaryFolder folder = new();
        ExportResult result = await Exporter.ExportAsync(Melody(folder));
        string path = Path.Combine(result.BundlePath, ProbeFile.FileName);
        string before = await File.ReadAllTextAsync(path);

        Assert.ThrowsAny<OperationCanceledException>(() => ProbeRecorder.Record(ModelBundle.Open(result.BundlePath), all: true, null, new CancellationToken(canceled: true)));

        Assert.Equal(before, await File.ReadAllTextAsync(path));
    }

    private static ExportOptions Melody(TemporaryFolder folder) => new()
    {
        Source = Path.Combine(Repository.Golden("musicgen-melody"), "model"),
        OutputPath = Path.Combine(folder.Path, "bundle"),
    };

    private sealed class Stages(List<ExportStage> stages) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => stages.Add(value.Stage);
    }
}
