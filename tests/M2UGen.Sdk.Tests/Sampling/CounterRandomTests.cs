using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Tests.Sampling;

public sealed class CounterRandomTests
{
    /// <summary>The published vectors of Random123 (kat_vectors, "philox4x32 10").</summary>
    [Theory]
    [InlineData(0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Block_PublishedVectors_AreMet(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint x0, uint x1, uint x2, uint x3) =>
        Assert.Equal((x0, x1, x2, x3), CounterRandom.Block((c0, c1, c2, c3), (k0, k1)));

    [Fact]
    public void NextUInt32_SeedZero_GivesTheBlocksInOrder()
    {
        CounterRandom random = new(seed: 0);
        (uint x0, uint x1, uint x2, uint x3) = CounterRandom.Block((0, 0, 0, 0), (0, 0));
        (uint y0, _, _, _) = CounterRandom.Block((1, 0, 0, 0), (0, 0));
        Assert.Equal([x0, x1, x2, x3, y0], new[] { random.NextUInt32(), random.NextUInt32(), random.NextUInt32(), random.NextUInt32(), random.NextUInt32() });
    }

    [Fact]
    public void NextUInt32_SeedStreamAndBlock_FillKeyAndCounter()
    {
        CounterRandom random = new(seed: 0x299f31d0_a4093822, stream: 0x03707344_13198a2e, block: 0x85a308d3_243f6a88);
        Assert.Equal(0xd16cfe09u, random.NextUInt32());
    }

    [Fact]
    public void Streams_OfOneSeed_Differ()
    {
        HashSet<ulong> first = [];
        ulong[] streams = [RandomStreams.Text, RandomStreams.Media, RandomStreams.Noise, RandomStreams.Music(0, 0), RandomStreams.Music(0, 1), RandomStreams.Music(1, 0)];
        foreach (ulong stream in streams)
        {
            CounterRandom random = new(7, stream);
            first.Add(random.NextUInt64());
        }

        Assert.Equal(streams.Length, first.Count);
    }

    [Fact]
    public void NextDouble_ManyDraws_FillTheUnitIntervalEvenly()
    {
        CounterRandom random = new(42);
        int[] bins = new int[10];
        for (int i = 0; i < 100_000; i++)
        {
            bins[(int)(random.NextDouble() * 10)]++;
        }

        Assert.All(bins, count => Assert.InRange(count, 9_600, 10_400));
    }

    [Fact]
    public void NextGaussian_ManyDraws_HaveMeanZeroAndVarianceOne()
    {
        CounterRandom random = new(42, stream: 5);
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < 100_000; i++)
        {
            double x = random.NextGaussian();
            sum += x;
            squares += x * x;
        }

        Assert.InRange(sum / 100_000, -0.01, 0.01);
        Assert.InRange(squares / 100_000, 0.98, 1.02);
    }
}
