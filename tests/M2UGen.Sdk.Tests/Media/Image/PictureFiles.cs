using System.Buffers.Binary;
using System.IO.Compression;
using SkiaSharp;

namespace M2UGen.Sdk.Tests.Media.Image;

/// <summary>Small picture files, made byte by byte from the formats' specifications.</summary>
internal static class PictureFiles
{
    /// <summary>A chunk of a PNG file: length, type, data, checksum.</summary>
    public static byte[] Chunk(string type, params byte[] data)
    {
        byte[] typed = [.. type.Select(c => (byte)c), .. data];
        return [.. BigEndian((uint)data.Length), .. typed, .. BigEndian(Crc(typed))];
    }

    /// <summary>A PNG file.</summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="bitDepth">Bits of a value.</param>
    /// <param name="colourType">0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.</param>
    /// <param name="rows">The rows' bytes, each without its filter byte.</param>
    /// <param name="before">Chunks before the pixels.</param>
    /// <param name="after">Chunks behind the pixels.</param>
    public static byte[] Png(int width, int height, byte bitDepth, byte colourType, byte[] rows, byte[]? before = null, byte[]? after = null)
    {
        using MemoryStream packed = new();
        using (ZLibStream zlib = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (byte[] row in rows.Chunk(Math.Max(1, rows.Length / Math.Max(1, height))))
            {
                zlib.WriteByte(0);
                zlib.Write(row);
            }
        }

        return [
            0x89, .. "PNG\r\n\x1A\n"u8,
            .. Chunk("IHDR", [.. BigEndian((uint)width), .. BigEndian((uint)height), bitDepth, colourType, 0, 0, 0]),
            .. before ?? [], .. Chunk("IDAT", packed.ToArray()), .. after ?? [], .. Chunk("IEND")];
    }

    /// <summary>A block of EXIF data whose only entry is the orientation.</summary>
    public static byte[] Exif(byte orientation, bool littleEndian = true) => littleEndian
        ? [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
        : [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];

    /// <summary>A GIF file from blocks.</summary>
    public static byte[] Gif(int width, int height, byte[] table, params byte[][] blocks) =>
        [.. "GIF89a"u8, .. LittleEndian(width), .. LittleEndian(height), TableFlags(table), 0, 0, .. table, .. blocks.SelectMany(b => b), 0x3B];

    /// <summary>Says which index of the next frame is transparent.</summary>
    public static byte[] GifTransparent(byte index) => [0x21, 0xF9, 4, 1, 0, 0, index, 0];

    /// <summary>A frame of a GIF file, its indices (below 128) not compressed: a clear code stands before every one.</summary>
    public static byte[] GifFrame(int left, int top, int width, int height, byte[] indices, byte[]? table = null)
    {
        // Codes of 8 bits: 128 clears, 129 ends.
        byte[] codes = [.. indices.SelectMany(i => new byte[] { 128, i }), 129];
        byte[] blocks = [.. codes.Chunk(255).SelectMany(b => (byte[])[(byte)b.Length, .. b])];
        return [0x2C, .. LittleEndian(left), .. LittleEndian(top), .. LittleEndian(width), .. LittleEndian(height), TableFlags(table ?? []), .. table ?? [], 7, .. blocks, 0];
    }

    /// <summary>A BMP file with the common 40-byte header.</summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="bits">Bits of a pixel.</param>
    /// <param name="palette">Entries of blue, green, red and an unused byte.</param>
    /// <param name="rows">From the bottom, each padded to four bytes.</param>
    public static byte[] Bmp(int width, int height, short bits, byte[] palette, byte[] rows)
    {
        byte[] header = new byte[54];
        "BM"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(2), 54 + palette.Length + rows.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(10), 54 + palette.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(22), height);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(26), 1);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(28), bits);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(46), palette.Length / 4);
        return [.. header, .. palette, .. rows];
    }

    /// <summary>A picture as a JPEG or lossless WebP file.</summary>
    public static byte[] Encode(ImageFrame image, SKEncodedImageFormat format)
    {
        byte[] rgba = [.. image.Rgb.ToArray().Chunk(3).SelectMany(p => (byte[])[.. p, 255])];
        using SKImage picture = SKImage.FromPixelCopy(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), rgba);
        using SKData data = picture.Encode(format, 100);
        return data.ToArray();
    }

    /// <summary>Puts segments behind a JPEG file's first marker.</summary>
    public static byte[] WithSegments(byte[] jpeg, params byte[][] segments) => [.. jpeg[..2], .. segments.SelectMany(s => s), .. jpeg[2..]];

    /// <summary>A segment of a JPEG file.</summary>
    public static byte[] Segment(byte marker, params byte[] data) => [0xFF, marker, .. BigEndian((uint)data.Length + 2)[2..], .. data];

    /// <summary>A simple WebP file as an extended one, with EXIF data behind its pixels.</summary>
    public static byte[] WithExif(byte[] webp, int width, int height, byte[] exif)
    {
        byte[] canvas = [8, 0, 0, 0, .. BitConverter.GetBytes(width - 1)[..3], .. BitConverter.GetBytes(height - 1)[..3]];
        byte[] body = [.. "WEBP"u8, .. RiffChunk("VP8X", canvas), .. webp[12..], .. RiffChunk("EXIF", exif)];
        return RiffChunk("RIFF", body);
    }

    private static byte[] RiffChunk(string type, byte[] data) => [.. type.Select(c => (byte)c), .. BitConverter.GetBytes(data.Length), .. data, .. new byte[data.Length % 2]];

    private static byte TableFlags(byte[] table) => table.Length == 0 ? (byte)0 : (byte)(0x80 | (int.Log2(table.Length / 3) - 1));

    private static byte[] LittleEndian(int value) => [(byte)value, (byte)(value >> 8)];

    private static byte[] BigEndian(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    private static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
            }
        }

        return ~crc;
    }
}
