using FFMpegCore;
using FFMpegCore.Enums;
using M2UGen.Sdk.Media.FFmpeg;

namespace M2UGen.Sdk.Media.Image;

/// <summary>Reads TIFF pictures: the directory's numbers are checked here, ffmpeg makes the pixels. Of several pages the first is taken.</summary>
/// <remarks>
/// Values of 16 bits keep their high byte, as in PNG; ffmpeg's own conversion would round. Palettes become colours: ffmpeg hands out no indices.
/// ffmpeg goes on where data is damaged and only says so, so what it says refuses the picture.
/// </remarks>
internal static class TiffReader
{
    private const string Format = "tiff_pipe";

    // Said of metadata that has no part in the pixels.
    private const string Harmless = "Unknown or unsupported tag";

    // Values of Compression, which ffmpeg (5.1) turns into a black or grey picture without a word.
    private const uint OldJpeg = 6;
    private const uint Jpeg = 7;

    private const ushort ImageWidth = 256;
    private const ushort ImageLength = 257;
    private const ushort BitsPerSample = 258;
    private const ushort Compression = 259;
    private const ushort PhotometricInterpretation = 262;
    private const ushort StripOffsets = 273;
    private const ushort RowsPerStrip = 278;
    private const ushort StripByteCounts = 279;
    private const ushort PlanarConfiguration = 284;
    private const ushort TileWidth = 322;
    private const ushort TileLength = 323;
    private const ushort TileOffsets = 324;
    private const ushort TileByteCounts = 325;

    /// <summary>Reads the first page.</summary>
    /// <param name="source">Where the file comes from.</param>
    /// <param name="bytes">The file.</param>
    /// <param name="options">Habits and limits.</param>
    /// <param name="cancellationToken">Stops ffmpeg.</param>
    /// <exception cref="MediaFormatException">It is damaged, cut short, larger than allowed, or of a form that ffmpeg does not know.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg.</exception>
    public static async Task<ImageFrame> ReadAsync(MediaSource source, ReadOnlyMemory<byte> bytes, ImageDecodeOptions options, CancellationToken cancellationToken)
    {
        (int width, int height, bool wide) = CheckDirectory(source, bytes.Span, options);
        MediaTool ffmpeg = MediaTool.Find("ffmpeg", options.Limits, $"{source} is a TIFF picture, which ffmpeg reads");
        using MediaFile file = await source.OpenFileAsync(options.Limits.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        ToolRun<byte[]?> run = await ToolRunner.RunAsync(
            ffmpeg, Arguments(file.Path, wide, options.Limits), source.Path, options.Limits.FFmpegTimeout, (output, ct) => ReadPixelsAsync(output, width, height, wide, ct), cancellationToken).ConfigureAwait(false);
        bool complained = run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Any(line => !line.Contains(Harmless, StringComparison.Ordinal));
        if (run.ExitCode != 0 || complained || run.Value is null)
        {
            throw ToolMessage.Refuse("picture", run, source, file);
        }

        int orientation = options.ApplyOrientation ? ExifOrientation.Read(bytes.Span) : ExifOrientation.Upright;
        return Orientation.Pack(run.Value, ImageFrame.Channels, width, height, orientation);
    }

    /// <summary>Size, and whether values have more than 8 bits; all pixels must lie within the file.</summary>
    private static (int Width, int Height, bool Wide) CheckDirectory(MediaSource source, ReadOnlySpan<byte> file, ImageDecodeOptions options)
    {
        TiffDirectory directory = new(file);
        uint width = directory.Number(ImageWidth) ?? 0;
        uint height = directory.Number(ImageLength) ?? 0;
        if (width == 0 || height == 0)
        {
            throw new MediaFormatException(source.Path, "TIFF picture: its first directory does not say its size; the file is damaged, cut short, or a BigTIFF, which is not read.");
        }

        try
        {
            ImageSize.Check(width, height, options.Limits);
        }
        catch (ImageException e)
        {
            throw new MediaFormatException(source.Path, $"TIFF picture: {e.Message}");
        }

        if (directory.Number(Compression) is OldJpeg or Jpeg)
        {
            throw new MediaFormatException(source.Path, "TIFF picture: its pixels are compressed as JPEG, which is not read. Save it as JPEG or PNG, or as TIFF with LZW, Deflate or no compression.");
        }

        uint[] offsets = [.. directory.Numbers(StripOffsets), .. directory.Numbers(TileOffsets)];
        uint[] counts = [.. directory.Numbers(StripByteCounts), .. directory.Numbers(TileByteCounts)];
        bool inside = offsets.Length > 0 && counts.Length == offsets.Length && HoldWhatIsNotCompressed(directory, counts, width, height);
        for (int i = 0; inside && i < offsets.Length; i++)
        {
            inside = offsets[i] + (long)counts[i] <= file.Length;
        }

        return inside
            ? ((int)width, (int)height, directory.Number(BitsPerSample) > 8)
            : throw new MediaFormatException(source.Path, "TIFF picture: some of its pixels are missing; the file is cut short or damaged.");
    }

    /// <summary>Whether every strip or tile has bytes for all its rows. Where it has not, ffmpeg leaves the rest of the picture empty without a word.</summary>
    private static bool HoldWhatIsNotCompressed(TiffDirectory directory, uint[] counts, uint width, uint height)
    {
        const uint None = 1, YCbCr = 6, Planes = 2;
        if (directory.Number(Compression) is not (null or None) || directory.Number(PhotometricInterpretation) == YCbCr)
        {
            return true;
        }

        // One bit where nothing is said; with a plane for each value, a row holds one value a pixel.
        uint[] bits = directory.Numbers(BitsPerSample);
        long pixelBits = bits.Length == 0 ? 1 : directory.Number(PlanarConfiguration) == Planes ? bits[0] : bits.Sum(b => (long)b);
        bool tiles = directory.Number(TileWidth) is not null;
        long rowBytes = (((tiles ? directory.Number(TileWidth)!.Value : width) * pixelBits) + 7) / 8;
        long rows = Math.Max(1, directory.Number(tiles ? TileLength : RowsPerStrip) ?? height);
        long strips = (height + rows - 1) / rows;
        for (int i = 0; i < counts.Length; i++)
        {
            long held = tiles ? rows : Math.Min(rows, height - (i % strips * rows));
            if (counts[i] < (Int128)held * rowBytes)
            {
                return false;
            }
        }

        return tiles || counts.Length >= strips;
    }

    private static string Arguments(string path, bool wide, MediaOptions options) => FFMpegArguments
        .FromInput(new SafeInput(path), o => o.WithCustomArgument($"-nostdin -hide_banner -v error {InputGuard.Arguments(Format, options.MaxPixels)} -noautorotate -f {Format}"))
        .OutputToUrl("pipe:1", o => o.WithMap(0, StreamType.Video, 0).WithCustomArgument($"-frames:v 1 -f rawvideo -pix_fmt {(wide ? "rgb48be" : "rgb24")}"))
        .Arguments;

    /// <summary>[height × width × 3]; null where ffmpeg wrote less.</summary>
    private static async Task<byte[]?> ReadPixelsAsync(Stream output, int width, int height, bool wide, CancellationToken cancellationToken)
    {
        byte[] pixels = new byte[width * height * ImageFrame.Channels];
        byte[] row = new byte[width * ImageFrame.Channels * (wide ? 2 : 1)];
        for (int y = 0; y < height; y++)
        {
            if (await output.ReadAtLeastAsync(row, row.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < row.Length)
            {
                return null;
            }

            Span<byte> to = pixels.AsSpan(y * width * ImageFrame.Channels, width * ImageFrame.Channels);
            for (int x = 0; x < to.Length; x++)
            {
                to[x] = row[wide ? 2 * x : x];
            }
        }

        return pixels;
    }
}
