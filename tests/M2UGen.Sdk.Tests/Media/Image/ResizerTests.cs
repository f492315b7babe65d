using M2UGen.Sdk.Media.Image;

namespace M2UGen.Sdk.Tests.Media.Image;

/// <summary>Expected values are worked out from the filter's definition, rounded as PIL rounds.</summary>
public sealed class ResizerTests
{
    [Fact]
    public void Resize_WiderRow_InterpolatesBetweenPixelCentres() =>
        Assert.Equal([0, 64, 191, 255], Resizer.Resize([0, 255], 2, 1, 1, 4, 1));

    [Fact]
    public void Resize_NarrowerRow_AveragesEveryPixel()
    {
        // Weights 3/7 3/7 1/7 of the first three and 1/7 3/7 3/7 of the last three: 7.14 and 95.7.
        Assert.Equal([7, 96], Resizer.Resize([0, 10, 20, 200], 4, 1, 1, 2, 1));
        Assert.Equal([7, 96], Resizer.Resize([0, 10, 20, 200], 1, 4, 1, 1, 2));
    }

    [Fact]
    public void Resize_LowerAndWider_GoesThroughRowsFirst()
    {
        // Mixing rows first would give 210 in the middle below.
        Assert.Equal([121, 97, 72, 230, 211, 190], Resizer.Resize([68, 32, 130, 60, 253, 230, 241, 194], 2, 4, 1, 3, 2));
    }

    [Fact]
    public void Resize_BothDirections_RoundsBetween() =>
        Assert.Equal([14, 50, 105, 160, 196, 60, 96, 151, 110, 82], Resizer.Resize([0, 91, 182, 37, 128, 219, 74, 165, 0], 3, 3, 1, 5, 2));

    [Fact]
    public void Resize_SameSize_CopiesPixels()
    {
        byte[] pixels = [1, 2, 3, 4, 5, 6];
        byte[] resized = Resizer.Resize(pixels, 2, 1, 3, 2, 1);
        Assert.Equal(pixels, resized);
        Assert.NotSame(pixels, resized);
    }

    [Fact]
    public void Resize_OnePixel_FillsTheResult() => Assert.Equal(Enumerable.Repeat((byte)77, 35), Resizer.Resize([77], 1, 1, 1, 7, 5));

    [Fact]
    public void Resize_White_StaysWhite() =>
        Assert.Equal(Enumerable.Repeat((byte)255, 17 * 19 * 3), Resizer.Resize(Enumerable.Repeat((byte)255, 301 * 7 * 3).ToArray(), 7, 301, 3, 17, 19));

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Resize_SeveralChannels_EqualsEachAlone(int channels)
    {
        // 61 columns are more than a vector and leave a rest.
        const int Width = 53, Height = 40, NewWidth = 61, NewHeight = 17;
        byte[] pixels = [.. Enumerable.Range(0, Width * Height * channels).Select(i => (byte)((i * i) + (i / 7)))];
        byte[] resized = Resizer.Resize(pixels, Width, Height, channels, NewWidth, NewHeight);
        for (int channel = 0; channel < channels; channel++)
        {
            Assert.Equal(Resizer.Resize(Plane(pixels, channel), Width, Height, 1, NewWidth, NewHeight), Plane(resized, channel));
        }

        byte[] Plane(byte[] values, int channel) => [.. values.Where((_, i) => i % channels == channel)];
    }

    [Fact]
    public void Resize_Transposed_EqualsOneDirectionOfTheOther()
    {
        // Two passes of different loops: the same numbers must come from both.
        byte[] column = [.. Enumerable.Range(0, 90).Select(i => (byte)(i * 37))];
        byte[] expected = Resizer.Resize(column, 90, 1, 1, 40, 1);
        byte[] picture = [.. column.SelectMany(value => Enumerable.Repeat(value, 70))];
        Assert.Equal(expected.SelectMany(value => Enumerable.Repeat(value, 70)), Resizer.Resize(picture, 70, 90, 1, 70, 40));
    }

    [Theory]
    [InlineData(1, 224)]
    [InlineData(5, 3)]
    [InlineData(100, 224)]
    [InlineData(223, 224)]
    [InlineData(225, 224)]
    [InlineData(640, 224)]
    [InlineData(1999, 7)]
    [InlineData(4000, 1)]
    public void Resize_ColourRows_EqualThePlainLoop(int width, int newWidth)
    {
        // Three rows, so that the last ones, behind which nothing may be read, are among them. Runs of 255 reach the ends of the sums.
        byte[] pixels = [.. Enumerable.Range(0, width * 3 * 3).Select(i => i % 41 < 9 ? (byte)255 : (byte)((i * i) + (i / 5)))];
        ResizeKernel kernel = new(width, newWidth);
        byte[] expected = new byte[newWidth * 3 * 3];
        for (int row = 0; row < 3; row++)
        {
            RowResizer.Resize(pixels.AsSpan(row * width * 3, width * 3), kernel, 3, expected.AsSpan(row * newWidth * 3, newWidth * 3));
        }

        Assert.Equal(expected, Resizer.Resize(pixels, width, 3, 3, newWidth, 3));
    }

    [Fact]
    public void Resize_WrongSizes_AreTheCallersMistake()
    {
        Assert.Throws<ArgumentException>(() => Resizer.Resize([1, 2, 3], 2, 2, 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Resizer.Resize([], 0, 1, 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Resizer.Resize([1], 1, 1, 1, 1, Resizer.MaxSide + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Resizer.Resize([1], 1, 1, 1, -1, 1));
        Assert.Throws<ArgumentException>(() => Resizer.Resize([1], 1, 1, 1, 1 << 20, 1 << 20));
    }
}
