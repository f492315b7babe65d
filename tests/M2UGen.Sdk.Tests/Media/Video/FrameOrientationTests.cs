using M2UGen.Sdk.Media.Video;

namespace M2UGen.Sdk.Tests.Media.Video;

public sealed class FrameOrientationTests
{
    // a b u, c d v, x y w as ffprobe prints them; 6 is a quarter turn clockwise, which ffprobe calls -90 degrees.
    [Theory]
    [InlineData(1, 65536, 0, 0, 65536)]
    [InlineData(2, -65536, 0, 0, 65536)]
    [InlineData(3, -65536, 0, 0, -65536)]
    [InlineData(4, 65536, 0, 0, -65536)]
    [InlineData(5, 0, 65536, 65536, 0)]
    [InlineData(6, 0, 65536, -65536, 0)]
    [InlineData(7, 0, -65536, -65536, 0)]
    [InlineData(8, 0, -65536, 65536, 0)]
    [InlineData(6, 5000, 65000, -65000, 5000)]
    [InlineData(1, 0, 0, 0, 0)]
    public void FromMatrix_QuarterTurnsAndMirrors_AreExifOrientations(int orientation, int a, int b, int c, int d) =>
        Assert.Equal(orientation, FrameOrientation.FromMatrix($"\n00000000: {a,12} {b,12}           0\n00000001: {c,12} {d,12}           0\n00000002:            0           0  1073741824\n"));

    [Theory]
    [InlineData("")]
    [InlineData("00000000: 1 2")]
    [InlineData("no numbers at all")]
    public void FromMatrix_OtherText_TurnsNothing(string text) => Assert.Equal(1, FrameOrientation.FromMatrix(text));
}
