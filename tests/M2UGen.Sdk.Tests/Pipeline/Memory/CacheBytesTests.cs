using M2UGen.Sdk.Pipeline.Memory;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Pipeline.Memory;

public sealed class CacheBytesTests
{
    private const int Heads = 3;
    private const int HeadSize = 64;

    [Theory]
    [InlineData(nameof(TensorElementKind.Float), 4)]
    [InlineData(nameof(TensorElementKind.Float16), 2)]
    [InlineData(nameof(TensorElementKind.Int8), 1)]
    public void Of_WholePages_CountsKeysAndValuesOnceAndNothingElse(string kind, int bytes)
        => Assert.Equal(2 * 2 * Heads * 128 * HeadSize * bytes, CacheBytes.Of(Decoder(Enum.Parse<TensorElementKind>(kind)), batch: 2, positions: 128));

    [Fact]
    public void Of_PartOfAPage_CountsThePage() => Assert.Equal(2 * Heads * 4096, CacheBytes.Of(Decoder(TensorElementKind.Int8), batch: 1, positions: 1));

    private static BundleComponent Decoder(TensorElementKind kind) => new()
    {
        Graph = "decoder.onnx",
        Files = [],
        Precision = "int8",
        Inputs =
        [
            new TensorSpec("seqlens_k", TensorElementKind.Int32, ["batch"]),
            new TensorSpec("past_key_values.0.key", kind, ["batch", Heads, "capacity", HeadSize]),
            new TensorSpec("past_key_values.0.value", kind, ["batch", Heads, "capacity", HeadSize]),
            new TensorSpec("past_key_values.0.key_scale", TensorElementKind.Float, [1, Heads, 1, HeadSize]),
            new TensorSpec("past_key_values.0.value_scale", TensorElementKind.Float, [1, Heads, 1, HeadSize]),
        ],
        Outputs = [],
    };
}
