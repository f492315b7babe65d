using M2UGen.Sdk.Media;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Media;

public sealed class OutputLengthTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.499, 0)]
    [InlineData(0.5, 0)]
    [InlineData(1.5, 2)]
    [InlineData(2.5, 2)]
    [InlineData(2.501, 3)]
    [InlineData(3.49, 3)]
    [InlineData(4.5, 4)]
    public void WholeSeconds_Halves_GoToEven(double seconds, int expected) => Assert.Equal(expected, OutputLength.WholeSeconds(seconds));

    [Fact]
    public void Choose_SeveralLengths_AskedWinsThenAudioThenVideo()
    {
        TimeSpan asked = TimeSpan.FromSeconds(7);
        Assert.Equal(asked, OutputLength.Choose(asked, 2, 3, wholeSeconds: true));
        Assert.Equal(TimeSpan.FromSeconds(2), OutputLength.Choose(null, 2, 3, wholeSeconds: true));
        Assert.Equal(TimeSpan.FromSeconds(3), OutputLength.Choose(null, null, 3, wholeSeconds: true));
        Assert.Null(OutputLength.Choose(null, null, null, wholeSeconds: true));
    }

    [Fact]
    public void Choose_InputLength_IsExactUnlessWholeSecondsAreWanted()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(2625), OutputLength.Choose(null, 2.625, null, wholeSeconds: false));
        Assert.Equal(TimeSpan.FromSeconds(3), OutputLength.Choose(null, 2.625, null, wholeSeconds: true));
        Assert.Equal(TimeSpan.Zero, OutputLength.Choose(null, null, 0.4, wholeSeconds: true));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e300)]
    public void Choose_ImpossibleLength_IsRefused(double seconds)
    {
        Assert.Equal("videoSeconds", Assert.Throws<ArgumentOutOfRangeException>(() => OutputLength.Choose(null, null, seconds, wholeSeconds: false)).ParamName);
        Assert.Equal("audioSeconds", Assert.Throws<ArgumentOutOfRangeException>(() => OutputLength.Choose(null, seconds, 1, wholeSeconds: true)).ParamName);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 51)]
    [InlineData(5, 256)]
    [InlineData(17, 870)]
    [InlineData(30, 1536)]
    public void ReferenceTokens_Seconds_AreCutToWhole(double seconds, int expected) => Assert.Equal(expected, MusicGenPlan.ReferenceTokens(seconds));
}
