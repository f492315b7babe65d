using M2UGen.Sdk;
using M2UGen.Sdk.Mini;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>What loading settles before the first request.</summary>
public sealed class LoadingTests
{
    [Fact]
    public async Task LoadAsync_CudaOnTheProcessorsPackage_FailsAtOnce()
    {
        UnsupportedCapabilityException error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => M2UGenPipeline.FromBundle(MiniModel.BundlePath).UseCuda().LoadAsync());
        Assert.Contains("There is no silent fallback", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public async Task Manifest_Threads_IsTheNumberThatRan(int? threads)
    {
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(MiniModel.BundlePath).WithOptions(new PipelineOptions { Threads = threads }).LoadAsync();
        M2UGenResult result = await pipeline.Prompt("flute").WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.1), Seed = 1 }).RunAsync();
        Assert.Equal(threads ?? Environment.ProcessorCount, result.Manifest.Threads);
    }
}
