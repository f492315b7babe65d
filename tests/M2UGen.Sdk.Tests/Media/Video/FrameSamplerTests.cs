using M2UGen.Sdk.Media.Video;

namespace M2UGen.Sdk.Tests.Media.Video;

public sealed class FrameSamplerTests
{
    [Fact]
    public void SpreadEvenly_LongFilm_TakesTheMiddleOfEachPart()
    {
        Assert.Equal([1, 3, 5, 7], FrameSampler.SpreadEvenly(8, 4));
        Assert.Equal([1, 5, 8], FrameSampler.SpreadEvenly(10, 3));
        Assert.Equal([50], FrameSampler.SpreadEvenly(100, 1));
    }

    [Fact]
    public void SpreadEvenly_ShortFilm_RepeatsFramesEvenly()
    {
        Assert.Equal([0, 0, 1, 1, 2, 2], FrameSampler.SpreadEvenly(3, 6));
        Assert.Equal([0, 0, 0], FrameSampler.SpreadEvenly(1, 3));
        Assert.Equal([0, 1, 2, 3], FrameSampler.SpreadEvenly(4, 4));
    }

    [Fact]
    public void SpreadEvenly_LongestFilm_StaysInside()
    {
        int[] frames = FrameSampler.SpreadEvenly(int.MaxValue, 32);
        Assert.InRange(frames[^1], frames[^2], int.MaxValue - 1);
    }

    [Theory]
    [InlineData(33, 32, 0)]
    [InlineData(40, 36, 4)]
    [InlineData(64, 63, 31)]
    [InlineData(301, 166, 134)]
    public void ReferenceWindowBefore_LongFilm_TakesTheFramesBeforeTheEnd(int frameCount, int end, int first) =>
        Assert.Equal(Enumerable.Range(first, 32), FrameSampler.ReferenceWindowBefore(end, frameCount, 32));

    [Theory]
    [InlineData(31, 30, 29)]
    [InlineData(2, 1, 0)]
    [InlineData(2, 0, 1)]
    [InlineData(1, 0, 0)]
    public void ReferenceWindowBefore_ShortFilm_RepeatsOneFrame(int frameCount, int end, int frame) =>
        Assert.Equal(Enumerable.Repeat(frame, 32), FrameSampler.ReferenceWindowBefore(end, frameCount, 32));

    [Theory]
    [InlineData(5, 3)]
    [InlineData(20, 11)]
    public void ReferenceWindow_ShortFilm_DrawsAsNumpy(int frameCount, int frame) =>
        Assert.Equal(Enumerable.Repeat(frame, 32), FrameSampler.ReferenceWindow(frameCount, 32, seed: 0));

    [Fact]
    public void ReferenceWindow_LongFilm_DrawsAsNumpyAndFollowsTheSeed()
    {
        Assert.Equal(Enumerable.Range(44, 32), FrameSampler.ReferenceWindow(100, 32, seed: 0));
        Assert.True(Enumerable.Range(0, 20).Select(seed => FrameSampler.ReferenceWindow(100, 32, (uint)seed)[0]).Distinct().Count() > 5);
    }

    [Fact]
    public void ReferenceWindow_AnySeed_NeverTakesTheLastFrame() =>
        Assert.All(Enumerable.Range(0, 200), seed => Assert.InRange(FrameSampler.ReferenceWindow(35, 32, (uint)seed)[^1], 31, 33));

    [Fact]
    public void ReferenceWindow_ExactlyAsManyFrames_ShowsAll() => Assert.Equal(Enumerable.Range(0, 32), FrameSampler.ReferenceWindow(32, 32, seed: 9));

    [Fact]
    public void NoFrames_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameSampler.SpreadEvenly(0, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameSampler.ReferenceWindow(0, 32, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameSampler.ReferenceWindowBefore(31, 40, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameSampler.ReferenceWindowBefore(41, 40, 32));
    }

    [Fact]
    public void NextUInt32_PublishedSeed_GivesTheGeneratorsTenThousandthNumber()
    {
        // The C++ standard states this number of mt19937 with its default seed.
        NumpyRandom random = new(5489);
        uint value = 0;
        for (int i = 0; i < 10_000; i++)
        {
            value = random.NextUInt32();
        }

        Assert.Equal(4123659995, value);
    }

    [Fact]
    public void NextInt32_Ranges_AreMaskedAndDrawnAgain()
    {
        // The first three numbers of seed 0 are 2357136044, 2546248239, 3071714933; their last four bits are 12, 15, 5.
        NumpyRandom random = new(0);
        Assert.Equal(7, random.NextInt32(7, 8));
        Assert.Equal(12, random.NextInt32(0, 13));
        Assert.Equal(105, random.NextInt32(100, 112));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt32(4, 4));
    }
}
