using M2UGen.Sdk.Diagnostics.Checks;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Diagnostics;

public sealed class M2UGenDoctorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-doctor-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ExamineAsync_ThisInstallation_IsHealthyAndTellsEveryStep()
    {
        Steps steps = new();

        DoctorReport report = await M2UGenDoctor.ExamineAsync(DoctorOptions.Default, steps);

        Assert.True(report.IsHealthy, report.Summary);
        Assert.Equal(["bundle", "machine", "media", "runtime", "software"], report.Findings.Select(finding => finding.Section).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["software", "runtime", "machine", "media", "bundle", "verdict"], steps.Names);
        Assert.Equal(DoctorStatus.NotChecked, Of(report, "bundle").Status);
        Assert.Contains("CPUExecutionProvider", Of(report, "execution providers").Message, StringComparison.Ordinal);
        Assert.StartsWith(OnnxRuntimeHost.Version, Of(report, "native library").Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamineAsync_NoNativeLibrary_ListsEveryPlaceAndTheLoadersWords()
    {
        FakeNativeRuntime native = new(new NativeLibraryFacts(
            null, null, "libonnxruntime.so: cannot open\nshared object file", [new("/app/libonnxruntime.so", false), new("/app/runtimes/libonnxruntime.so", true), new("ld.so's search", null)]));

        DoctorReport report = await ExamineAsync(native);

        DoctorFinding finding = Of(report, "native library");
        Assert.Equal(DoctorStatus.Failed, finding.Status);
        Assert.Contains("Microsoft.ML.OnnxRuntime", finding.Message, StringComparison.Ordinal);
        Assert.Equal(
            ["not there: /app/libonnxruntime.so", "there: /app/runtimes/libonnxruntime.so", "then ld.so's search", "the loader says: libonnxruntime.so: cannot open shared object file"],
            finding.Details);
        Assert.Equal(DoctorStatus.NotChecked, Of(report, "execution providers").Status);
        Assert.False(report.IsHealthy);
        Assert.StartsWith("Not healthy: native library failed", report.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamineAsync_OlderNativeLibrary_NamesBothVersions()
    {
        DoctorReport report = await ExamineAsync(new FakeNativeRuntime(new NativeLibraryFacts("/old/libonnxruntime.so", "1.2.3", "Object reference not set", [])));

        DoctorFinding finding = Of(report, "native library");
        Assert.Equal(DoctorStatus.Failed, finding.Status);
        Assert.Contains("1.2.3", finding.Message, StringComparison.Ordinal);
        Assert.Contains(NativeRuntime.ManagedVersion, finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamineAsync_NewerNativeLibrary_Warns()
    {
        DoctorReport report = await ExamineAsync(new FakeNativeRuntime(new NativeLibraryFacts("/new/libonnxruntime.so", "99.0.0", null, [])));

        Assert.Equal(DoctorStatus.Warning, Of(report, "native library").Status);
        Assert.Equal(DoctorStatus.Warning, report.Verdict);
        Assert.True(report.IsHealthy);
    }

    [Fact]
    public async Task ExamineAsync_ProviderThatMakesNoSession_SaysWhyAndRunsNothing()
    {
        FakeNativeRuntime native = new(Sound()) { Session = options => throw new InvalidOperationException($"no driver for {options.Provider} {options.DeviceId}") };
        Write("musicgen");

        DoctorReport report = await ExamineAsync(native, DoctorOptions.Default with { CudaDeviceId = 2, BundlePath = _folder });

        DoctorFinding finding = Of(report, "session on cuda:2");
        Assert.Equal((DoctorStatus.Failed, "InvalidOperationException: no driver for Cuda 2"), (finding.Status, finding.Message));
    }

    [Theory]
    [InlineData(0, null, "session on cuda:0")]
    [InlineData(null, 1, "session on directml:1")]
    public async Task ExamineAsync_GpuOnTheProcessorsPackage_SaysWhatIsThere(int? cuda, int? directML, string name)
    {
        DoctorReport report = await M2UGenDoctor.ExamineAsync(DoctorOptions.Default with { CudaDeviceId = cuda, DirectMLDeviceId = directML });

        DoctorFinding finding = Of(report, name);
        Assert.Equal(DoctorStatus.Failed, finding.Status);
        Assert.Contains("It has: CPUExecutionProvider", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "There is no bundle directory")]
    [InlineData("{", "not a valid manifest")]
    [InlineData("""{"format_version": 1, "family": "musicgen", "exporter_version": "1", "components": {}}""", "does not keep its contract")]
    public async Task ExamineAsync_BrokenBundle_IsAFinding(string? manifest, string message)
    {
        if (manifest is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(_folder, BundleManifest.FileName), manifest);
        }

        DoctorReport report = await M2UGenDoctor.ExamineAsync(DoctorOptions.Default with { BundlePath = manifest is null ? Path.Combine(_folder, "absent") : _folder });

        DoctorFinding finding = Of(report, "bundle");
        Assert.Equal(DoctorStatus.Failed, finding.Status);
        Assert.Contains(message, finding.Message, StringComparison.Ordinal);
        Assert.False(report.IsHealthy);
    }

    [Fact]
    public async Task ExamineAsync_NoFFmpegWhereTheOptionsSay_Warns()
    {
        PipelineOptions pipeline = PipelineOptions.Default with { Media = MediaOptions.Default with { FFmpegPath = Path.Combine(_folder, "none") }, Threads = 1024 };

        DoctorReport report = await M2UGenDoctor.ExamineAsync(DoctorOptions.Default with { Pipeline = pipeline });

        Assert.Equal(DoctorStatus.Warning, Of(report, "ffmpeg").Status);
        Assert.Equal(DoctorStatus.Warning, Of(report, "ffprobe").Status);
        Assert.Contains("Leave PipelineOptions.Threads out", Of(report, "threads").Message, StringComparison.Ordinal);
        Assert.StartsWith("Healthy, with a warning about threads, ffmpeg, ffprobe", report.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamineAsync_OptionsOutOfRange_Throws()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => M2UGenDoctor.ExamineAsync(DoctorOptions.Default with { CudaDeviceId = -1 }));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => M2UGenDoctor.ExamineAsync(DoctorOptions.Default with { CudaDeviceId = 0, DirectMLDeviceId = 0 }));
        await Assert.ThrowsAsync<ArgumentNullException>(() => M2UGenDoctor.ExamineAsync(null!));
    }

    [Fact]
    public async Task ExamineAsync_Cancelled_Throws()
    {
        using CancellationTokenSource source = new();
        Steps steps = new() { OnStep = step => { if (step == "media") { source.Cancel(); } } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => M2UGenDoctor.ExamineAsync(DoctorOptions.Default, steps, source.Token));
    }

    [Theory]
    [InlineData(100, DoctorStatus.Ok)]
    [InlineData(50, DoctorStatus.Warning)]
    [InlineData(20, DoctorStatus.Failed)]
    public void CheckMemory_WeightsAgainstFreeBytes_Judges(long free, DoctorStatus expected)
    {
        Write("m2ugen");
        FindingList findings = new(CancellationToken.None);

        BundleCheck.CheckMemory(findings, ModelBundle.Open(_folder), new FreeMemory(1000, free));

        Assert.Equal(expected, Assert.Single(findings.ToArray()).Status);
    }

    [Theory]
    [InlineData(2, 2, false, DoctorStatus.Ok)]
    [InlineData(3, 2, false, DoctorStatus.Warning)]
    [InlineData(2, 2, true, DoctorStatus.Warning)]
    public void CheckThreads_AgainstCores_Judges(int threads, int cores, bool hasOwnPools, DoctorStatus expected)
    {
        FindingList findings = new(CancellationToken.None);
        MachineCheck.CheckThreads(findings, threads, cores, hasOwnPools);
        Assert.Equal(expected, Assert.Single(findings.ToArray()).Status);
    }

    private static Task<DoctorReport> ExamineAsync(INativeRuntime native, DoctorOptions? options = null) =>
        M2UGenDoctor.ExamineAsync(options ?? DoctorOptions.Default, native, null, CancellationToken.None);

    private static DoctorFinding Of(DoctorReport report, string name) => Assert.Single(report.Findings, finding => finding.Name == name);

    private static NativeLibraryFacts Sound() => new("/app/libonnxruntime.so", NativeRuntime.ManagedVersion, null, []);

    /// <summary>A bundle of two components of 40 and 20 bytes; it keeps no family's contract.</summary>
    private void Write(string family)
    {
        File.WriteAllBytes(Path.Combine(_folder, "a.onnx"), new byte[40]);
        File.WriteAllBytes(Path.Combine(_folder, "b.onnx"), new byte[20]);
        string hash = new('0', 64);
        string Component(string file, int size) => $$"""{"graph": "{{file}}", "files": [{"path": "{{file}}", "size": {{size}}, "sha256": "{{hash}}"}], "precision": "float32", "inputs": [], "outputs": []}""";
        File.WriteAllText(
            Path.Combine(_folder, BundleManifest.FileName),
            $$"""{"format_version": 1, "family": "{{family}}", "exporter_version": "1", "components": {"a": {{Component("a.onnx", 40)}}, "b": {{Component("b.onnx", 20)}} } }""");
    }

    private sealed class Steps : IProgress<DoctorProgress>
    {
        public List<string> Names { get; } = [];

        public Action<string>? OnStep { get; init; }

        public void Report(DoctorProgress value)
        {
            Names.Add(value.Step);
            OnStep?.Invoke(value.Step);
        }
    }

    private sealed class FakeNativeRuntime(NativeLibraryFacts facts) : INativeRuntime
    {
        public Action<RuntimeOptions> Session { get; init; } = _ => { };

        public NativeLibraryFacts Describe() => facts;

        public IReadOnlyList<string> Providers() => ["FakeExecutionProvider"];

        public void CheckSession(RuntimeOptions options) => Session(options);
    }
}
