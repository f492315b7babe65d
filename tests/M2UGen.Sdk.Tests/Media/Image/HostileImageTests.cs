using System.Text;
using M2UGen.Sdk.Media.Image;
using M2UGen.Sdk.Tests.Media.Audio;
using SkiaSharp;
using static M2UGen.Sdk.Tests.Media.Image.PictureFiles;

namespace M2UGen.Sdk.Tests.Media.Image;

/// <summary>Damaged and hostile pictures are refused by name, never half read.</summary>
public sealed class HostileImageTests
{
    private static readonly byte[] TwoColours = [1, 2, 3, 4, 5, 6];

    public static TheoryData<string, byte[]> NotPictures => new()
    {
        { "nothing", [] },
        { "text", Encoding.ASCII.GetBytes("<html>this is no picture</html>") },
        { "PNG signature alone", [0x89, .. "PNG\r\n\x1A\n"u8] },
        { "PNG without a header", [0x89, .. "PNG\r\n\x1A\n"u8, .. Chunk("IDAT", new byte[20])] },
        { "PNG of no width", Png(0, 1, 8, 0, [1]) },
        { "PNG of a depth that is none", Png(1, 1, 3, 0, [1]) },
        { "PNG of pixels that are not compressed", [.. Png(1, 1, 8, 0, [1])[..33], .. Chunk("IDAT", 1, 2, 3, 4, 5), .. Chunk("IEND")] },
        { "PNG with a chunk longer than the file", [.. Png(1, 1, 8, 0, [1])[..33], 0x7F, 0xFF, 0xFF, 0xFF, .. "IDAT"u8, 1, 2, 3, 4, 5, 6, 7] },
        { "PNG with a palette of 257 colours", Png(1, 1, 8, 3, [0], Chunk("PLTE", new byte[257 * 3])) },
        { "PNG with a palette of five bytes", Png(1, 1, 8, 3, [0], Chunk("PLTE", 1, 2, 3, 4, 5)) },
        { "PNG without its palette", Png(1, 1, 8, 3, [0]) },
        { "PNG with a palette that was changed", Png(1, 1, 8, 3, [0], [.. Chunk("PLTE", TwoColours)[..^1], 0x55]) },
        { "GIF signature alone", [.. "GIF89a"u8] },
        { "GIF without a frame", Gif(1, 1, TwoColours) },
        { "GIF of stray bytes", [.. Gif(1, 1, TwoColours)[..^1], .. new byte[5000]] },
        { "GIF of an extension without an end", [.. Gif(1, 1, TwoColours)[..^1], 0x21, 0xFE, 200, 1, 2, 3] },
        { "GIF with a frame of no width", Gif(1, 1, TwoColours, GifFrame(0, 0, 0, 1, [])) },
        { "GIF with too few pixels", Gif(4, 4, TwoColours, GifFrame(0, 0, 4, 4, [1, 1, 1])) },
        { "GIF of codes that do not exist", Gif(4, 4, TwoColours, [0x2C, 0, 0, 0, 0, 4, 0, 4, 0, 0, 7, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0]) },
        { "GIF of an impossible code size", Gif(4, 4, TwoColours, [0x2C, 0, 0, 0, 0, 4, 0, 4, 0, 0, 200, 4, 1, 2, 3, 4, 0]) },
        { "GIF with a frame beyond every canvas", Gif(1, 1, TwoColours, GifFrame(65535, 65535, 65535, 65535, [1])) },
        { "BMP signature alone", [.. "BM"u8] },
        { "BMP of an unknown header", [.. Bmp(1, 1, 8, new byte[8], new byte[4])[..14], 200, 0, 0, 0, .. new byte[300]] },
        { "BMP whose pixels lie in its header", Replace(Bmp(1, 1, 8, new byte[8], new byte[4]), 10, [20, 0, 0, 0]) },
        { "BMP whose pixels lie behind its end", Replace(Bmp(1, 1, 8, new byte[8], new byte[4]), 10, [0xFF, 0xFF, 0xFF, 0xFF]) },
        { "BMP of rows that are not there", Bmp(100, 100, 24, [], new byte[400]) },
        { "JPEG signature alone", [0xFF, 0xD8, 0xFF] },
        { "JPEG of segments without an end", [0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, 1, 2, 3] },
        { "JPEG of a segment of no length", [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0xFF, 0xD9] },
        { "WebP signature alone", [.. "RIFF"u8, 4, 0, 0, 0, .. "WEBP"u8] },
        { "WebP of an endless chunk", [.. "RIFF"u8, 4, 0, 0, 0, .. "WEBP"u8, .. "VP8 "u8, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4] },
    };

    [Theory]
    [MemberData(nameof(NotPictures))]
    public void Decode_DamagedFile_IsRefused(string what, byte[] file)
    {
        MediaFormatException refused = Assert.Throws<MediaFormatException>(() => Decode(file));
        Assert.False(string.IsNullOrWhiteSpace(refused.Message), what);
    }

    [Theory]
    [InlineData("png")]
    [InlineData("palette png")]
    [InlineData("gif")]
    [InlineData("bmp")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    public void Decode_CutAnywhere_IsRefusedOrWhole(string format)
    {
        byte[] file = Sample(format);
        byte[] whole = Decode(file).Rgb.ToArray();
        int refusals = 0;
        for (int length = 0; length < file.Length; length++)
        {
            // What lies behind the last pixel may be missing.
            try
            {
                Assert.Equal(whole, Decode(file[..length]).Rgb.ToArray());
            }
            catch (MediaFormatException)
            {
                refusals++;
            }
        }

        Assert.InRange(refusals, file.Length - 24, file.Length);
    }

    [Theory]
    [InlineData("png")]
    [InlineData("palette png")]
    [InlineData("gif")]
    [InlineData("bmp")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    public void Decode_AnyByteChanged_GivesAPictureOrARefusal(string format)
    {
        byte[] file = Sample(format);
        ImageDecodeOptions options = new() { Limits = new MediaOptions { MaxPixels = 1 << 20 } };
        for (int at = 0; at < file.Length; at++)
        {
            byte[] changed = [.. file];
            changed[at] ^= (byte)(at % 2 == 0 ? 0xFF : 0x81);
            try
            {
                ImageFrame image = ImageDecoder.Decode(changed, path: null, options);
                Assert.InRange((long)image.Width * image.Height, 1, options.Limits.MaxPixels);
            }
            catch (MediaFormatException)
            {
                // Refused: the usual end.
            }
        }
    }

    [Fact]
    public void Decode_HugeSizes_AreRefusedFromTheHeader()
    {
        byte[][] bombs =
        [
            Png(60000, 60000, 8, 0, [1]),
            Png(int.MaxValue, 1, 1, 0, [1]),
            Gif(65535, 65535, TwoColours, GifFrame(0, 0, 1, 1, [1])),
            Gif(1, 1, TwoColours, GifFrame(0, 0, 40000, 40000, [1])),
            Bmp(60000, 60000, 24, [], new byte[400]),
            Bmp(60000, 60000, 1, new byte[8], new byte[400]),
            Resized(Encode(Grey(16, 16), SKEncodedImageFormat.Jpeg)),
        ];
        foreach (byte[] bomb in bombs)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<MediaFormatException>(() => Decode(bomb));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }

        // Every SOF segment's height and width.
        static byte[] Resized(byte[] jpeg)
        {
            int at = jpeg.AsSpan().IndexOf((byte[])[0xFF, 0xC0]);
            return Replace(jpeg, at + 5, [0xF0, 0, 0xF0, 0]);
        }
    }

    [Fact]
    public void Decode_MorePixelsThanAllowed_SaysBothNumbers()
    {
        ImageDecodeOptions options = new() { Limits = new MediaOptions { MaxPixels = 11 } };
        MediaFormatException refused = Assert.Throws<MediaFormatException>(() => ImageDecoder.Decode(Png(4, 3, 8, 0, new byte[12]), "big.png", options));
        Assert.Contains("4 x 3", refused.Message, StringComparison.Ordinal);
        Assert.Contains("11", refused.Message, StringComparison.Ordinal);
        Assert.Equal("big.png", refused.Path);
        Assert.Equal(4, ImageDecoder.Decode(Png(4, 3, 8, 0, new byte[12]), null, new ImageDecodeOptions { Limits = new MediaOptions { MaxPixels = 12 } }).Width);
    }

    [Fact]
    public void Decode_JpegOfEndlessScans_IsRefused()
    {
        byte[] jpeg = Encode(Grey(16, 16), SKEncodedImageFormat.Jpeg);
        byte[] scan = Segment(0xDA, 1, 1, 0, 0, 63, 0);
        byte[] file = [.. jpeg[..^2], .. Enumerable.Repeat(scan, 101).SelectMany(s => s), 0xFF, 0xD9];
        Assert.Contains("scans", Assert.Throws<MediaFormatException>(() => Decode(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_ExifOutOfOrder_LeavesThePictureAsStored()
    {
        byte[][] blocks =
        [
            [],
            [.. "II*\0"u8],
            [.. "II*\0"u8, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0],
            [.. "II*\0"u8, 8, 0, 0, 0, 0xFF, 0xFF, 0x12, 0x01, 3, 0],
            [.. "II*\0"u8, 4, 0, 0, 0, 0, 0, 0, 0],
            [.. "MM*\0"u8, 0, 0, 0, 8, 0, 1],
            [.. Exif(6)[..18], 77, 0, 0, 0],
            [.. "II*\0"u8, 8, 0, 0, 0, .. Enumerable.Repeat((byte)0xFF, 60000)],
        ];
        byte[] jpeg = Encode(Grey(16, 8), SKEncodedImageFormat.Jpeg);
        foreach (byte[] block in blocks)
        {
            Assert.Equal(16, Decode(WithSegments(jpeg, Segment(0xE1, [.. "Exif\0\0"u8, .. block]))).Width);
            Assert.Equal(2, Decode(Png(2, 1, 8, 0, [1, 2], Chunk("eXIf", block))).Width);
        }
    }

    [Fact]
    public async Task LoadAsync_FileOverTheLimit_IsRefused()
    {
        MediaSource source = MediaSource.FromBytes(Png(1, 1, 8, 0, [1]));
        await Assert.ThrowsAsync<MediaFormatException>(() => ImageFrame.LoadAsync(source, new MediaOptions { MaxFileBytes = 20 }));
        Assert.Equal(1, (await ImageFrame.LoadAsync(source)).Width);
    }

    [Fact]
    public async Task LoadAsync_StreamThatCannotSeek_IsRead()
    {
        ImageFrame image = await ImageFrame.LoadAsync(new PipeLikeStream(Png(2, 1, 8, 0, [1, 2])));
        Assert.Equal([1, 1, 1, 2, 2, 2], image.Rgb.ToArray());
    }

    [Fact]
    public async Task LoadAsync_CancelledOrInvalid_SaysSo()
    {
        MediaSource source = MediaSource.FromBytes(Png(1, 1, 8, 0, [1]));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ImageFrame.LoadAsync(source, new CancellationToken(canceled: true)));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ImageFrame.LoadAsync(source, new MediaOptions { MaxPixels = 0 }));
        await Assert.ThrowsAsync<ArgumentNullException>(() => ImageFrame.LoadAsync((MediaSource)null!));
        await Assert.ThrowsAsync<FileNotFoundException>(() => ImageFrame.LoadAsync(Path.Combine(Path.GetTempPath(), "no such picture.png")));
    }

    [Fact]
    public void FromRgb_WrongSizes_AreTheCallersMistake()
    {
        Assert.Throws<ArgumentException>(() => ImageFrame.FromRgb(new byte[5], 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageFrame.FromRgb([], 0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageFrame.FromRgb([], 1, -1));
        byte[] pixels = [1, 2, 3];
        ImageFrame image = ImageFrame.FromRgb(pixels, 1, 1);
        pixels[0] = 9;
        Assert.Equal([1, 2, 3], image.Rgb.ToArray());
    }

    private static ImageFrame Decode(byte[] file) => ImageDecoder.Decode(file, path: null, new ImageDecodeOptions());

    private static ImageFrame Grey(int width, int height) => ImageFrame.FromRgb([.. Enumerable.Range(0, width * height).SelectMany(i => Enumerable.Repeat((byte)(i * 3), 3))], width, height);

    private static byte[] Sample(string format) => format switch
    {
        "png" => Png(12, 9, 8, 2, [.. Enumerable.Range(0, 12 * 9 * 3).Select(i => (byte)(i * i))]),
        "palette png" => Png(12, 9, 8, 3, [.. Enumerable.Range(0, 12 * 9).Select(i => (byte)(i % 7))], [.. Chunk("PLTE", [.. Enumerable.Range(0, 24).Select(i => (byte)(i * 9))]), .. Chunk("tRNS", 0, 9)]),
        "gif" => Gif(12, 9, [.. Enumerable.Range(0, 24).Select(i => (byte)(i * 9))], GifTransparent(3), GifFrame(1, 1, 11, 8, [.. Enumerable.Range(0, 88).Select(i => (byte)(i % 8))])),
        "bmp" => Bmp(12, 9, 8, [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 9))], [.. Enumerable.Range(0, 108).Select(i => (byte)(i % 8))]),
        "jpeg" => Encode(Grey(24, 16), SKEncodedImageFormat.Jpeg),
        _ => Encode(Grey(24, 16), SKEncodedImageFormat.Webp),
    };

    private static byte[] Replace(byte[] file, int at, byte[] bytes) => [.. file[..at], .. bytes, .. file[(at + bytes.Length)..]];
}
