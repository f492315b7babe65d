using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Tests.Runtime;

public sealed class OnnxRuntimeHostTests
{
    [Fact]
    public void Version_AskedBeforeAnySession_LeavesTheProcessItsOnePool()
    {
        Assert.NotEmpty(OnnxRuntimeHost.Version);
        Assert.True(OnnxRuntimeHost.HasGlobalPool);
    }

    [Fact]
    public void CheckProvider_CudaOnTheProcessorsPackage_SaysWhatIsThere()
    {
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => OnnxRuntimeHost.CheckProvider(new RuntimeOptions(ExecutionProviderKind.Cuda, 3)));
        Assert.Equal("Cuda", error.Capability);
        Assert.Contains("device 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("CPUExecutionProvider", error.Message, StringComparison.Ordinal);
        OnnxRuntimeHost.CheckProvider(new RuntimeOptions());
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(0, 0)]
    public void ThreadsOf_Unset_IsOneAProcessor(int asked, int expected) =>
        Assert.Equal(expected == 0 ? Environment.ProcessorCount : expected, OnnxRuntimeHost.ThreadsOf(new RuntimeOptions(Threads: asked)));
}
