using M2UGen.Sdk.Media.Image;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Image;

/// <summary>TIFF pictures, made byte by byte; reading them needs ffmpeg.</summary>
public sealed class TiffReaderTests
{
    private const ushort Short = 3;
    private const ushort Long = 4;

    [FFmpegFact]
    public async Task LoadAsync_Colour_IsExact() =>
        Assert.Equal([1, 2, 3, 250, 128, 0], await RgbAsync(Tiff(2, 1, [8, 8, 8], photometric: 2, [1, 2, 3, 250, 128, 0])));

    [FFmpegFact]
    public async Task LoadAsync_SixteenBits_KeepTheHighByte() =>
        Assert.Equal([0x12, 0xFF, 0x80, 0, 0xFE, 1], await RgbAsync(Tiff(2, 1, [16, 16, 16], photometric: 2, [0x80, 0x12, 0xF0, 0xFF, 0xFF, 0x80, 0xFF, 0, 0xFF, 0xFE, 0xC0, 1])));

    [FFmpegFact]
    public async Task LoadAsync_Grey_IsRepeated()
    {
        Assert.Equal([7, 7, 7, 200, 200, 200], await RgbAsync(Tiff(2, 1, [8], photometric: 1, [7, 200])));
        Assert.Equal([248, 248, 248, 55, 55, 55], await RgbAsync(Tiff(2, 1, [8], photometric: 0, [7, 200])));
    }

    [FFmpegFact]
    public async Task LoadAsync_Orientation_TurnsThePicture()
    {
        byte[] file = Tiff(2, 1, [8, 8, 8], photometric: 2, [1, 2, 3, 4, 5, 6], orientation: 8);
        ImageFrame upright = await ImageFrame.LoadAsync(MediaSource.FromBytes(file));
        Assert.Equal((1, 2), (upright.Width, upright.Height));
        Assert.Equal([4, 5, 6, 1, 2, 3], upright.Rgb.ToArray());

        ImageFrame stored = await ImageFrame.LoadAsync(MediaSource.FromBytes(file), new ImageDecodeOptions { ApplyOrientation = false }, default);
        Assert.Equal([1, 2, 3, 4, 5, 6], stored.Rgb.ToArray());
    }

    [Fact]
    public async Task LoadAsync_Damaged_IsRefusedBeforeFfmpegRuns()
    {
        // There is no such program: whoever gets as far as to ask for it fails otherwise.
        MediaOptions options = new() { FFmpegPath = Path.Combine(Path.GetTempPath(), "no such directory"), MaxPixels = 1000 };
        byte[] whole = Tiff(2, 1, [8, 8, 8], photometric: 2, [1, 2, 3, 4, 5, 6]);
        byte[][] files =
        [
            whole[..20],
            Tiff(2, 1, [8, 8, 8], photometric: 2, [1, 2, 3, 4, 5, 6], stripBytes: 600),
            Tiff(4, 4, [8, 8, 8], photometric: 2, [1, 2, 3, 4, 5, 6]),
            Tiff(17, 1, [1], photometric: 1, [1, 2]),
            [.. "II+\0"u8, 8, 0, 0, 0, .. new byte[60]],
            Tiff(0, 1, [8], photometric: 1, [1]),
            Tiff(60000, 60000, [8], photometric: 1, [1]),
        ];
        foreach (byte[] file in files)
        {
            await Assert.ThrowsAsync<MediaFormatException>(() => ImageFrame.LoadAsync(MediaSource.FromBytes(file), options));
        }

        await Assert.ThrowsAsync<MediaToolException>(() => ImageFrame.LoadAsync(MediaSource.FromBytes(whole), options));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    public async Task LoadAsync_CompressedAsJpeg_IsRefusedByName(ushort compression)
    {
        byte[] file = Tiff(2, 1, [8, 8, 8], photometric: 2, [1, 2, 3, 4, 5, 6], compression: compression);

        MediaFormatException exception = await Assert.ThrowsAsync<MediaFormatException>(() => ImageFrame.LoadAsync(MediaSource.FromBytes(file)));

        Assert.Contains("compressed as JPEG", exception.Message, StringComparison.Ordinal);
    }

    private static async Task<byte[]> RgbAsync(byte[] file) => (await ImageFrame.LoadAsync(MediaSource.FromBytes(file))).Rgb.ToArray();

    /// <summary>A little-endian file of one strip that is not compressed: header, strip, bits, directory.</summary>
    private static byte[] Tiff(int width, int height, ushort[] bits, ushort photometric, byte[] pixels, ushort orientation = 1, int? stripBytes = null, ushort compression = 1)
    {
        byte[] strip = [.. pixels, .. new byte[pixels.Length % 2]];
        byte[] depths = [.. bits.SelectMany(BitConverter.GetBytes)];
        int depthsAt = 8 + strip.Length;
        byte[][] entries =
        [
            Entry(256, Long, 1, width),
            Entry(257, Long, 1, height),
            Entry(258, Short, bits.Length, bits.Length > 2 ? depthsAt : bits[0]),
            Entry(259, Short, 1, compression),
            Entry(262, Short, 1, photometric),
            Entry(273, Long, 1, 8),
            Entry(274, Short, 1, orientation),
            Entry(277, Short, 1, bits.Length),
            Entry(278, Long, 1, height),
            Entry(279, Long, 1, stripBytes ?? pixels.Length),
        ];
        return [
            .. "II*\0"u8, .. BitConverter.GetBytes(depthsAt + depths.Length), .. strip, .. depths,
            .. BitConverter.GetBytes((ushort)entries.Length), .. entries.SelectMany(e => e), 0, 0, 0, 0];
    }

    private static byte[] Entry(ushort tag, ushort type, int count, int value) =>
        [.. BitConverter.GetBytes(tag), .. BitConverter.GetBytes(type), .. BitConverter.GetBytes(count), .. BitConverter.GetBytes(value)];
}
