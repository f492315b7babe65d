using M2UGen.Sdk.Media.Image;
using SkiaSharp;
using static M2UGen.Sdk.Tests.Media.Image.PictureFiles;

namespace M2UGen.Sdk.Tests.Media.Image;

/// <summary>Expected bytes are those of PIL's convert('RGB'), worked out from each format's definition.</summary>
public sealed class ImageDecoderTests
{
    private static readonly byte[] FourColours = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];

    [Theory]
    [InlineData(1, new byte[] { 0b0110_0000 }, new byte[] { 0, 255, 255 })]
    [InlineData(2, new byte[] { 0b0001_1000 }, new byte[] { 0, 85, 170 })]
    [InlineData(4, new byte[] { 0x0F, 0x30 }, new byte[] { 0, 255, 51 })]
    [InlineData(8, new byte[] { 7, 255, 0 }, new byte[] { 7, 255, 0 })]
    [InlineData(16, new byte[] { 0, 200, 0xFF, 0xFF, 0x80, 0 }, new byte[] { 0, 255, 128 })]
    public void Decode_GreyPng_RepeatsTheScaledValue(byte bits, byte[] row, byte[] expected) =>
        Assert.Equal(expected.SelectMany(v => new[] { v, v, v }), Rgb(Png(3, 1, bits, 0, row)));

    [Fact]
    public void Decode_Alpha_IsDroppedAndNotBlended()
    {
        Assert.Equal([1, 2, 3, 250, 128, 9], Rgb(Png(2, 1, 8, 6, [1, 2, 3, 0, 250, 128, 9, 1])));
        Assert.Equal([77, 77, 77, 201, 201, 201], Rgb(Png(2, 1, 8, 4, [77, 0, 201, 3])));
    }

    [Fact]
    public void Decode_TransparentColour_StaysThatColour()
    {
        Assert.Equal([1, 2, 3, 4, 5, 6], Rgb(Png(2, 1, 8, 2, [1, 2, 3, 4, 5, 6], Chunk("tRNS", 0, 1, 0, 2, 0, 3))));
        Assert.Equal([9, 9, 9, 8, 8, 8], Rgb(Png(2, 1, 8, 0, [9, 8], Chunk("tRNS", 0, 9))));
    }

    [Fact]
    public void Decode_SixteenBitColour_KeepsTheHighByte() =>
        Assert.Equal([0x12, 0xFF, 0x80], Rgb(Png(1, 1, 16, 2, [0x12, 0x10, 0xFF, 0xF0, 0x80, 0x00])));

    [Fact]
    public void Decode_PngPalette_GivesColoursEvenWhereTransparent()
    {
        byte[] file = Png(4, 1, 2, 3, [0b00_01_10_11], [.. Chunk("PLTE", FourColours), .. Chunk("tRNS", 0, 128, 255, 0)]);
        Assert.Equal(FourColours, Rgb(file));
    }

    [Fact]
    public void Decode_IndexWithoutEntry_IsGreyOfItsValue() =>
        Assert.Equal([10, 20, 30, 1, 1, 1, 200, 200, 200], Rgb(Png(3, 1, 8, 3, [0, 1, 200], Chunk("PLTE", 10, 20, 30))));

    [Fact]
    public void Decode_PaletteIndicesAsGrey_GivesIndices()
    {
        ImageDecodeOptions options = new() { PaletteIndicesAsGrey = true };
        Assert.Equal([2, 2, 2, 0, 0, 0], Rgb(Png(2, 1, 8, 3, [2, 0], Chunk("PLTE", FourColours)), options));
        Assert.Equal([3, 3, 3, 1, 1, 1], Rgb(Gif(2, 1, FourColours, GifFrame(0, 0, 2, 1, [3, 1])), options));
        Assert.Equal([1, 1, 1, 0, 0, 0], Rgb(Bmp(2, 1, 8, [1, 2, 3, 0, 4, 5, 6, 0], [1, 0, 0, 0]), options));
        Assert.Equal([200, 100, 50], Rgb(Png(1, 1, 8, 2, [200, 100, 50]), options));
    }

    [Fact]
    public void Decode_BlackAndWhiteBmp_IsGreyAndNotIndices() =>
        Assert.Equal([255, 255, 255, 0, 0, 0], Rgb(Bmp(2, 1, 1, [0, 0, 0, 0, 255, 255, 255, 0], [0b1000_0000, 0, 0, 0]), new ImageDecodeOptions { PaletteIndicesAsGrey = true }));

    [Fact]
    public void Decode_AncillaryChunks_HaveNoPart()
    {
        // A text that claims to be compressed and is not, a gamma, a palette that is only a suggestion.
        byte[] file = Png(1, 1, 8, 2, [1, 2, 3], [.. Chunk("gAMA", 0, 0, 0, 1), .. Chunk("zTXt", 65, 0, 0, 1, 2, 3), .. Chunk("PLTE", FourColours)]);
        Assert.Equal([1, 2, 3], Rgb(file));
    }

    [Fact]
    public void Decode_GifTransparentIndex_KeepsItsColour() =>
        Assert.Equal(FourColours, Rgb(Gif(4, 1, FourColours, GifTransparent(2), GifFrame(0, 0, 4, 1, [0, 1, 2, 3]))));

    [Fact]
    public void Decode_GifFrameInsideTheCanvas_IsFilledUpWithTheTransparentIndex()
    {
        byte[] frame = GifFrame(1, 0, 1, 1, [3]);
        Assert.Equal([10, 20, 30, 100, 110, 120, 10, 20, 30], Rgb(Gif(3, 1, FourColours, frame)));
        Assert.Equal([70, 80, 90, 100, 110, 120, 70, 80, 90], Rgb(Gif(3, 1, FourColours, GifTransparent(2), frame)));
    }

    [Fact]
    public void Decode_GifFrameBeyondTheCanvas_WidensIt()
    {
        ImageFrame image = Decode(Gif(1, 1, FourColours, GifFrame(1, 1, 1, 1, [1])));
        Assert.Equal((2, 2), (image.Width, image.Height));
        Assert.Equal([10, 20, 30, 10, 20, 30, 10, 20, 30, 40, 50, 60], image.Rgb.ToArray());
    }

    [Fact]
    public void Decode_AnimatedGif_GivesTheFirstFrameWithItsOwnTable()
    {
        byte[] own = [201, 202, 203, 204, 205, 206];
        Assert.Equal([204, 205, 206, 201, 202, 203], Rgb(Gif(2, 1, FourColours, GifFrame(0, 0, 2, 1, [1, 0], own), GifFrame(0, 0, 2, 1, [3, 3]))));
    }

    [Fact]
    public void Decode_GifWithoutTable_IsGrey() => Assert.Equal([5, 5, 5, 90, 90, 90], Rgb(Gif(2, 1, [], GifFrame(0, 0, 2, 1, [5, 90]))));

    [Theory]
    [InlineData(1, new byte[] { 0b0100_0000, 0, 0, 0 }, new byte[] { 0, 1 })]
    [InlineData(4, new byte[] { 0x21, 0, 0, 0 }, new byte[] { 2, 1 })]
    [InlineData(8, new byte[] { 3, 0, 0, 0 }, new byte[] { 3, 0 })]
    public void Decode_BmpPalette_GivesColours(short bits, byte[] row, byte[] indices)
    {
        // Blue, green, red; two entries are all that one bit can name.
        byte[] palette = [.. Enumerable.Range(0, Math.Min(4, 1 << bits)).SelectMany(i => (byte[])[(byte)(i + 30), (byte)(i + 20), (byte)(i + 10), 0])];
        Assert.Equal(indices.SelectMany(i => (byte[])[(byte)(i + 10), (byte)(i + 20), (byte)(i + 30)]), Rgb(Bmp(2, 1, bits, palette, row)));
    }

    [Fact]
    public void Decode_Bmp24_ReadsRowsFromTheBottom() =>
        Assert.Equal([4, 5, 6, 1, 2, 3], Rgb(Bmp(1, 2, 24, [], [3, 2, 1, 0, 6, 5, 4, 0])));

    [Fact]
    public void Decode_LosslessWebp_IsExact()
    {
        ImageFrame image = Gradient(13, 7);
        Assert.Equal(image.Rgb.ToArray(), Rgb(EncodeLossless(image)));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, 4)]
    [InlineData(5, 5)]
    [InlineData(6, 6)]
    [InlineData(7, 7)]
    [InlineData(8, 8)]
    [InlineData(9, 1)]
    public void Decode_ExifOrientation_TurnsPicturesOfEveryFormat(byte orientation, int meant)
    {
        ImageFrame image = Gradient(16, 8);
        ImageFrame upright = Turn(image, meant);
        byte[] exif = Exif(orientation, littleEndian: orientation % 2 == 0);

        AssertEqual(upright, Decode(Png(16, 8, 8, 2, image.Rgb.ToArray(), before: Chunk("eXIf", exif))));
        AssertEqual(upright, Decode(Png(16, 8, 8, 2, image.Rgb.ToArray(), after: Chunk("eXIf", exif))));
        AssertEqual(upright, Decode(WithExif(EncodeLossless(image), 16, 8, exif)));
        AssertEqual(image, Decode(WithExif(EncodeLossless(image), 16, 8, exif), new ImageDecodeOptions { ApplyOrientation = false }));

        byte[] plain = Encode(image, SKEncodedImageFormat.Jpeg);
        byte[] jpeg = WithSegments(plain, Segment(0xE1, [.. "Exif\0\0"u8, .. exif]));
        AssertEqual(Turn(Decode(plain), meant), Decode(jpeg));
        AssertEqual(Decode(plain), Decode(jpeg, new ImageDecodeOptions { ApplyOrientation = false }));
    }

    [Fact]
    public void Decode_Jpeg_IsNearThePicture()
    {
        ImageFrame image = ImageFrame.FromRgb([.. Enumerable.Range(0, 16 * 8).SelectMany(i => (byte[])[(byte)(100 + (i % 16)), (byte)(150 - (i / 16)), 60])], 16, 8);
        ImageFrame decoded = Decode(Encode(image, SKEncodedImageFormat.Jpeg));
        Assert.Equal((16, 8), (decoded.Width, decoded.Height));
        Assert.All(image.Rgb.ToArray().Zip(decoded.Rgb.ToArray()), p => Assert.InRange(p.Second - p.First, -4, 4));
    }

    private static byte[] Rgb(byte[] file, ImageDecodeOptions? options = null) => Decode(file, options).Rgb.ToArray();

    private static ImageFrame Decode(byte[] file, ImageDecodeOptions? options = null) => ImageDecoder.Decode(file, path: null, options ?? new ImageDecodeOptions());

    private static ImageFrame Gradient(int width, int height) =>
        ImageFrame.FromRgb([.. Enumerable.Range(0, width * height).SelectMany(i => (byte[])[(byte)(i % width * 15), (byte)(i / width * 30), (byte)(200 - (i / width * 9) - (i % width))])], width, height);

    private static byte[] EncodeLossless(ImageFrame image)
    {
        byte[] rgba = [.. image.Rgb.ToArray().Chunk(3).SelectMany(p => (byte[])[.. p, 255])];
        using SKImage picture = SKImage.FromPixelCopy(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), rgba);
        using SKPixmap pixels = picture.PeekPixels();
        using SKData data = pixels.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 50))!;
        return data.ToArray();
    }

    /// <summary>Where a stored pixel must go, as the EXIF standard's table says: which side of the scene the stored row 0 and column 0 are.</summary>
    private static ImageFrame Turn(ImageFrame stored, int orientation)
    {
        (int w, int h) = (stored.Width, stored.Height);
        (int width, int height) = orientation >= 5 ? (h, w) : (w, h);
        byte[] rgb = new byte[w * h * 3];
        for (int row = 0; row < h; row++)
        {
            for (int column = 0; column < w; column++)
            {
                (int x, int y) = orientation switch
                {
                    2 => (w - 1 - column, row),              // row 0 top, column 0 right
                    3 => (w - 1 - column, h - 1 - row),      // bottom, right
                    4 => (column, h - 1 - row),              // bottom, left
                    5 => (row, column),                      // left, top
                    6 => (h - 1 - row, column),              // right, top
                    7 => (h - 1 - row, w - 1 - column),      // right, bottom
                    8 => (row, w - 1 - column),              // left, bottom
                    _ => (column, row),
                };
                stored.Rgb.Slice(((row * w) + column) * 3, 3).CopyTo(rgb.AsMemory(((y * width) + x) * 3));
            }
        }

        return ImageFrame.FromRgb(rgb, width, height);
    }

    private static void AssertEqual(ImageFrame expected, ImageFrame actual)
    {
        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        Assert.Equal(expected.Rgb.ToArray(), actual.Rgb.ToArray());
    }
}
