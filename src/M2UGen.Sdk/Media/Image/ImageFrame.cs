using M2UGen.Sdk.Media.Image;

namespace M2UGen.Sdk;

/// <summary>A picture in memory: rows of 8-bit red, green and blue.</summary>
/// <remarks>Immutable and safe to share between threads. Plain managed data: nothing to dispose.</remarks>
public sealed class ImageFrame
{
    /// <summary>Values of a pixel: red, green, blue.</summary>
    internal const int Channels = 3;

    // A file is held whole, and once more while its structure is looked through.
    private const long MaxFileBytes = 1 << 30;

    private ImageFrame(ReadOnlyMemory<byte> rgb, int width, int height)
    {
        Rgb = rgb;
        Width = width;
        Height = height;
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The pixels, row by row from the top: [<see cref="Height"/> × <see cref="Width"/> × 3], red, green, blue, 0 to 255.</summary>
    public ReadOnlyMemory<byte> Rgb { get; }

    /// <summary>Makes a picture from a copy of <paramref name="rgb"/>.</summary>
    /// <param name="rgb">[height × width × 3], row by row from the top: red, green, blue.</param>
    /// <param name="width">Pixels of a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <exception cref="ArgumentException">A side is out of range, or the bytes do not fit the sides.</exception>
    public static ImageFrame FromRgb(ReadOnlySpan<byte> rgb, int width, int height)
    {
        ThrowIfInvalid(rgb.Length, width, height);
        return new ImageFrame(rgb.ToArray(), width, height);
    }

    /// <summary>Reads a picture: PNG, JPEG, WebP, GIF (its first frame), BMP, and with ffmpeg TIFF (its first page).</summary>
    /// <remarks>
    /// The picture comes out upright: rotated as its EXIF orientation says. Transparency is dropped and not blended; 16 bits become 8; grey is repeated
    /// three times; colour profiles are not applied. The size is checked before pixels are decoded.
    /// </remarks>
    /// <exception cref="MediaFormatException">It is no such picture, is damaged or cut short, or exceeds the default <see cref="MediaOptions"/>.</exception>
    /// <exception cref="MediaToolException">It is a TIFF picture, and there is no ffmpeg.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static Task<ImageFrame> LoadAsync(string path, CancellationToken cancellationToken = default) => LoadAsync(MediaSource.FromFile(path), MediaOptions.Default, cancellationToken);

    /// <summary>Reads a picture from a stream, which stays the caller's and need not be able to seek.</summary>
    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static Task<ImageFrame> LoadAsync(Stream stream, CancellationToken cancellationToken = default) => LoadAsync(MediaSource.FromStream(stream), MediaOptions.Default, cancellationToken);

    /// <summary>Reads a picture from a file, bytes or a stream that can be read again.</summary>
    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static Task<ImageFrame> LoadAsync(MediaSource source, CancellationToken cancellationToken = default) => LoadAsync(source, MediaOptions.Default, cancellationToken);

    /// <summary>Reads a picture from a file, bytes or a stream that can be read again, with limits of the caller's own.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <inheritdoc cref="LoadAsync(string, CancellationToken)"/>
    public static Task<ImageFrame> LoadAsync(MediaSource source, MediaOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return LoadAsync(source, new ImageDecodeOptions { Limits = options }, cancellationToken);
    }

    /// <summary>Reads a picture with the reference's habits where <paramref name="options"/> say so.</summary>
    internal static async Task<ImageFrame> LoadAsync(MediaSource source, ImageDecodeOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ReadOnlyMemory<byte> file = await source.ReadBytesAsync(Math.Min(options.Limits.MaxFileBytes, MaxFileBytes), cancellationToken).ConfigureAwait(false);

        if (ImageSignature.Of(file.Span) == ImageFormat.Tiff)
        {
            return await TiffReader.ReadAsync(source, file, options, cancellationToken).ConfigureAwait(false);
        }

        // Decoding is the processor's work and may take a while: not on the caller's thread.
        return await Task.Run(() => ImageDecoder.Decode(file, source.Path, options), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a picture that keeps <paramref name="rgb"/> itself; nobody else may write to it.</summary>
    internal static ImageFrame Own(ReadOnlyMemory<byte> rgb, int width, int height)
    {
        ThrowIfInvalid(rgb.Length, width, height);
        return new ImageFrame(rgb, width, height);
    }

    /// <summary>The pixels at another size, as PIL's bilinear filter makes them: [height × width × 3].</summary>
    internal byte[] Resize(int width, int height) => Resizer.Resize(Rgb.Span, Width, Height, Channels, width, height);

    private static void ThrowIfInvalid(int length, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, Resizer.MaxSide);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, Resizer.MaxSide);
        if (length != (long)width * height * Channels)
        {
            throw new ArgumentException($"A picture of {width} x {height} pixels has {(long)width * height * Channels} bytes; found {length}.", nameof(length));
        }
    }
}
