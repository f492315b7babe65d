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

    [Theory]
    [InlineData("Cuda", "OrtSessionOptionsAppendExecutionProvider_CUDA", "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData("DirectML", "OrtSessionOptionsAppendExecutionProvider_DML", "Microsoft.ML.OnnxRuntime.DirectML")]
    public void CheckProvider_OnTheProcessorsPackage_SaysWhatWasTriedWhatIsThereAndWhatIsNeeded(string provider, string tried, string needed)
    {
        RuntimeOptions options = new(Enum.Parse<ExecutionProviderKind>(provider), 3);
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => OnnxRuntimeHost.CheckProvider(options));
        Assert.Equal(provider, error.Capability);
        Assert.Contains($"ONNX Runtime {OnnxRuntimeHost.Version}", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{provider} (device 3)", error.Message, StringComparison.Ordinal);
        Assert.Contains("built without it", error.Message, StringComparison.Ordinal);
        Assert.Contains(tried, error.Message, StringComparison.Ordinal);
        Assert.Contains("CPUExecutionProvider", error.Message, StringComparison.Ordinal);
        Assert.Contains(needed, error.Message, StringComparison.Ordinal);
        OnnxRuntimeHost.CheckProvider(new RuntimeOptions());
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(0, 0)]
    public void ThreadsOf_Unset_IsOneACore(int asked, int expected) =>
        Assert.Equal(expected == 0 ? PhysicalCores.Count : expected, OnnxRuntimeHost.ThreadsOf(new RuntimeOptions(Threads: asked)));
}
