using M2UGen.Export.Calibration;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Tests.Calibration;

/// <summary>What is seen of a cache when its channels are measured.</summary>
public sealed class ChannelMaximaTests
{
    [Fact]
    public void Add_FilledPositionsOfAllRows_KeepsTheLargestOfEachChannel()
    {
        KVCacheFormat format = new(Layers: 2, Heads: 2, HeadSize: 4, TensorElementKind.Int8, [.. Enumerable.Repeat(1f, 32)]);
        using KVCache cache = new(format, batch: 2, capacity: 3);
        Span<sbyte> keys = cache.Keys(1).AsSpan<sbyte>();
        keys[Index(row: 0, head: 0, position: 1, channel: 2)] = -5;
        keys[Index(row: 1, head: 0, position: 0, channel: 2)] = 4;
        keys[Index(row: 1, head: 1, position: 1, channel: 3)] = -128;
        keys[Index(row: 0, head: 0, position: 2, channel: 0)] = 99;
        cache.Values(0).AsSpan<sbyte>()[Index(row: 1, head: 1, position: 0, channel: 0)] = 7;
        cache.Advance(2);

        ChannelMaxima maxima = new(format);
        maxima.Add(cache);

        byte[] expected = new byte[32];
        expected[8 + 4] = 7;
        expected[16 + 2] = 5;
        expected[16 + 4 + 3] = 127;
        Assert.Equal(expected, maxima.Codes);
        Assert.True(maxima.IsCut(16 + 4 + 3));
        Assert.False(maxima.IsCut(16 + 2));

        static int Index(int row, int head, int position, int channel) => (((((row * 2) + head) * 3) + position) * 4) + channel;
    }

    [Fact]
    public void Cache_ScalesOfAnotherModel_AreRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new KVCache(new KVCacheFormat(1, 2, 4, TensorElementKind.Int8, new float[15]), 1, 3));
        Assert.Contains("expected 16", error.Message, StringComparison.Ordinal);
    }
}
