using M2UGen.Sdk.Encoders.Mert;

namespace M2UGen.Sdk.Tests.Encoders.Mert;

/// <summary>Which parts of a sound are heard, and how much each counts.</summary>
public sealed class AudioWindowTests
{
    private const int Rate = 100;

    [Theory]
    [InlineData(40, new[] { 40 })]
    [InlineData(6000, new[] { 6000 })]
    [InlineData(6099, new[] { 6099 })]
    [InlineData(6100, new[] { 6000, 100 })]
    [InlineData(17999, new[] { 6000, 6000, 5999 })]
    [InlineData(18050, new[] { 6000, 6000, 6050 })]
    public void Cover_AnyLength_HearsEverySampleOnce(int samples, int[] lengths)
    {
        AudioWindow[] windows = AudioWindow.Cover(samples, Rate);

        Assert.Equal(lengths, windows.Select(window => window.Length));
        Assert.Equal(0, windows[0].Start);
        Assert.All(windows.Zip(windows.Skip(1)), pair => Assert.Equal(pair.First.Start + pair.First.Length, pair.Second.Start));
        Assert.Equal(samples, windows[^1].Start + windows[^1].Length);
        Assert.All(windows, window => Assert.Equal((double)window.Length / samples, window.Share));
    }

    [Theory]
    [InlineData(4000, new long[] { 0 }, 4000)]
    [InlineData(6500, new long[] { 0 }, 6000)]
    [InlineData((3600 * Rate) - 1, new long[] { 0 }, 6000)]
    [InlineData(3600 * Rate, new long[] { 0, 6000 }, 6000)]
    [InlineData(7300 * Rate, new long[] { 0, 6000, 12000 }, 6000)]
    public void CoverAsReference_AnyLength_HearsAMinuteAnHour(int samples, long[] starts, int last)
    {
        AudioWindow[] windows = AudioWindow.CoverAsReference(samples, Rate);

        Assert.Equal(starts, windows.Select(window => window.Start));
        Assert.Equal(last, windows[^1].Length);
        Assert.All(windows, window => Assert.Equal(1.0 / starts.Length, window.Share));
    }
}
