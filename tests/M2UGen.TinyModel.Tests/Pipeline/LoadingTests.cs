using System.Collections.Concurrent;
using M2UGen.Sdk;
using M2UGen.Sdk.Mini;
using M2UGen.Sdk.Runtime;
using Microsoft.Extensions.Logging;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>What loading settles before the first request.</summary>
public sealed class LoadingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LoadAsync_GpuOnTheProcessorsPackage_FailsAtOnce(bool isDirectML)
    {
        M2UGenPipelineBuilder builder = M2UGenPipeline.FromBundle(MiniModel.BundlePath);
        builder = isDirectML ? builder.UseDirectML() : builder.UseCuda();
        UnsupportedCapabilityException error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => builder.LoadAsync());
        Assert.Equal(isDirectML ? "DirectML" : "Cuda", error.Capability);
        Assert.Contains("There is no silent fallback", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadAsync_ManifestThatPromisesTooLittle_FailsBeforeAnyGraphIsOpened()
    {
        string folder = Directory.CreateTempSubdirectory("m2ugen-loading-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "bundle.json"), """{"format_version": 1, "family": "musicgen", "exporter_version": "1", "components": {}}""");
            ModelBundleException error = await Assert.ThrowsAsync<ModelBundleException>(() => M2UGenPipeline.FromBundle(folder).LoadAsync());
            Assert.Contains("component 'musicgen-decoder' is missing", error.Message, StringComparison.Ordinal);
            Assert.Contains("tokenizer 't5' is missing", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Log_ComponentLoadedAtItsFirstUse_IsNamed()
    {
        RecordingLogger log = new();
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(MiniModel.BundlePath).WithLogger(log).LoadAsync();
        Assert.DoesNotContain(log.Messages, message => message.StartsWith("Component", StringComparison.Ordinal));
        await pipeline.Prompt("flute").WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.1), Seed = 1 }).RunAsync();
        Assert.Equal(1, log.Messages.Count(message => message.StartsWith("Component musicgen-decoder loaded in", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public async Task Manifest_Threads_IsTheNumberThatRan(int? threads)
    {
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(MiniModel.BundlePath).WithOptions(new PipelineOptions { Threads = threads }).LoadAsync();
        M2UGenResult result = await pipeline.Prompt("flute").WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.1), Seed = 1 }).RunAsync();
        Assert.Equal(threads ?? PhysicalCores.Count, result.Manifest.Threads);
    }

    private sealed class RecordingLogger : ILogger
    {
        public ConcurrentQueue<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Messages.Enqueue(formatter(state, exception));
    }
}
