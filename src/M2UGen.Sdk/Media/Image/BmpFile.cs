using System.Buffers;
using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>A BMP file's structure: a palette becomes a ramp; files without one stay as they are.</summary>
/// <remarks>Source: BITMAPCOREHEADER and BITMAPINFOHEADER; Pillow 9.5, BmpImagePlugin.py, _bitmap.</remarks>
internal static class BmpFile
{
    private const int FileHeaderSize = 14;
    private const int CoreHeaderSize = 12;
    private const int InfoHeaderSize = 40;
    private const int LargestHeaderSize = 124;

    /// <summary>The file for Skia, and its palette.</summary>
    /// <exception cref="ImageException">The header is none that this format has.</exception>
    public static PreparedImage Prepare(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        if (bytes.Length < FileHeaderSize + CoreHeaderSize)
        {
            throw new ImageException("the file ends within its header.");
        }

        uint pixels = BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]);
        uint headerSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FileHeaderSize..]);
        bool core = headerSize == CoreHeaderSize;
        if ((!core && headerSize is < InfoHeaderSize or > LargestHeaderSize) || bytes.Length < FileHeaderSize + headerSize)
        {
            throw new ImageException($"a header of {headerSize} bytes; expected {CoreHeaderSize} or {InfoHeaderSize} to {LargestHeaderSize}, and the file to hold it.");
        }

        int start = FileHeaderSize + (int)headerSize;
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(FileHeaderSize + (core ? 10 : 14))..]);
        if (bits > 8)
        {
            return new PreparedImage(file, ExifOrientation.Upright, null);
        }

        uint used = core ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes[(FileHeaderSize + 32)..]);
        int full = 1 << bits;
        int entrySize = core ? 3 : 4;
        int count = Math.Min(used == 0 ? full : (int)Math.Min(used, ImagePalette.Size), (bytes.Length - start) / entrySize);
        if (pixels < start || pixels > bytes.Length)
        {
            throw new ImageException($"its pixels are said to begin at byte {pixels} of {bytes.Length}, behind a header of {start}; the file is damaged.");
        }

        ReadOnlySpan<byte> entries = bytes.Slice(start, count * entrySize);
        ImagePalette palette = new(entries, entrySize, blueFirst: true) { IsGrey = IsGrey(entries, entrySize) };

        int newPixels = start + (full * entrySize);
        byte[] ramped = new byte[newPixels + (bytes.Length - (int)pixels)];
        bytes[..start].CopyTo(ramped);
        BinaryPrimitives.WriteUInt32LittleEndian(ramped.AsSpan(2), (uint)ramped.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(ramped.AsSpan(10), (uint)newPixels);
        if (!core)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(ramped.AsSpan(FileHeaderSize + 32), 0);
        }

        ImagePalette.Ramp(full, entrySize, ramped.AsSpan(start));
        bytes[(int)pixels..].CopyTo(ramped.AsSpan(newPixels));
        return new PreparedImage(ramped, ExifOrientation.Upright, palette);
    }

    /// <summary>Black and white, or a whole ramp: PIL makes a grey picture of those.</summary>
    private static bool IsGrey(ReadOnlySpan<byte> entries, int entrySize)
    {
        int count = entries.Length / entrySize;
        for (int i = 0; i < count; i++)
        {
            if (entries.Slice(i * entrySize, 3).ContainsAnyExcept((byte)(count == 2 ? 255 * i : i)))
            {
                return false;
            }
        }

        return true;
    }
}
