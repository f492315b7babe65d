using System.Buffers;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace M2UGen.Sdk.Media.Image;

/// <summary>Decodes a prepared file through Skia's codecs.</summary>
/// <remarks>
/// Pixels are asked for unpremultiplied, so that colour is not lost where alpha is small, and without a colour space, so that none is converted.
/// At most 7 bytes a pixel are held: 4 while decoding, 3 that remain. A progressive JPEG takes 6 more.
/// </remarks>
internal static class SkiaDecoder
{
    private const int BytesPerPixel = 4;

    /// <summary>Decodes, applies the palette and the orientation, and drops alpha.</summary>
    /// <exception cref="ImageException">The file is damaged, cut short or larger than allowed.</exception>
    /// <exception cref="M2UGenException">Skia's native library is not there.</exception>
    public static ImageFrame Decode(PreparedImage image, ImageDecodeOptions options)
    {
        try
        {
            using MemoryHandle pin = image.File.Pin();
            using SKData data = Wrap(pin, image.File.Length);
            using SKCodec codec = SKCodec.Create(data) ?? throw new ImageException("its header is damaged or of a form that is not read.");
            return Decode(codec, image, options);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new M2UGenException(
                $"Pictures cannot be decoded: the native library libSkiaSharp was not loaded ({(e.InnerException ?? e).Message}). " +
                "It comes with the SkiaSharp packages for Linux, Windows and macOS; publish them with the application, or add SkiaSharp.NativeAssets.* for another system.",
                e);
        }
    }

    private static unsafe SKData Wrap(MemoryHandle pin, int length) => SKData.Create((nint)pin.Pointer, length);

    private static unsafe ImageFrame Decode(SKCodec codec, PreparedImage image, ImageDecodeOptions options)
    {
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        ImageSize.Check(width, height, options.Limits);
        SKImageInfo info = new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null);
        nuint size = (nuint)width * (nuint)height * BytesPerPixel;
        byte* pixels = (byte*)NativeMemory.AllocZeroed(size);
        try
        {
            SKCodecResult result = codec.GetPixels(info, (nint)pixels);
            if (result != SKCodecResult.Success)
            {
                throw new ImageException(result == SKCodecResult.IncompleteInput ? "the file is cut short or damaged." : $"the file is damaged ({result}).");
            }

            image.Palette?.Apply(new Span<byte>(pixels, checked((int)size)), options.PaletteIndicesAsGrey);
            return Orientation.Pack(new ReadOnlySpan<byte>(pixels, (int)size), BytesPerPixel, width, height, options.ApplyOrientation ? image.Orientation : 1);
        }
        finally
        {
            NativeMemory.Free(pixels);
        }
    }
}
