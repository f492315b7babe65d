using System.Buffers;
using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>A PNG file's structure: what makes the pixels is kept, a palette becomes a ramp.</summary>
/// <remarks>
/// Ancillary chunks are left out: compressed texts and profiles could grow without bound, and transparency (tRNS) is dropped anyway.
/// Source: PNG specification, third edition, section 5 (chunks) and 11.
/// </remarks>
internal static class PngFile
{
    private const int SignatureSize = 8;
    private const int ChunkOverhead = 12;
    private const int HeaderSize = 13;
    private const int IndexedColour = 3;

    /// <summary>The file for Skia, its orientation (chunk eXIf) and its palette.</summary>
    /// <exception cref="ImageException">The first chunk is no header, or the palette is no palette.</exception>
    public static PreparedImage Prepare(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        ReadOnlySpan<byte> header = bytes[SignatureSize..];
        if (header.Length < ChunkOverhead + HeaderSize || BinaryPrimitives.ReadUInt32BigEndian(header) != HeaderSize || !header[4..].StartsWith("IHDR"u8))
        {
            throw new ImageException("it does not begin with its header (IHDR); the file is damaged.");
        }

        int bitDepth = header[16];
        bool indexed = header[17] == IndexedColour;

        ArrayBufferWriter<byte> kept = new(bytes.Length + ChunkOverhead + (3 * ImagePalette.Size));
        kept.Write(bytes[..SignatureSize]);
        ImagePalette? palette = null;
        int orientation = 0;
        for (ReadOnlySpan<byte> rest = header; rest.Length >= 8;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            ReadOnlySpan<byte> type = rest.Slice(4, 4);
            if (length > rest.Length - ChunkOverhead)
            {
                // Cut short within a chunk. Pixels that are whole even so are for Skia to find.
                if (type.SequenceEqual("IDAT"u8))
                {
                    kept.Write(rest);
                }

                break;
            }

            ReadOnlySpan<byte> chunk = rest[..((int)length + ChunkOverhead)];
            ReadOnlySpan<byte> data = chunk.Slice(8, (int)length);
            rest = rest[chunk.Length..];
            if (type.SequenceEqual("PLTE"u8))
            {
                if (indexed && palette is null)
                {
                    palette = Palette(chunk);
                    WriteRamp(kept, 1 << Math.Clamp(bitDepth, 1, 8));
                }
            }
            else if (type.SequenceEqual("eXIf"u8))
            {
                orientation = orientation == 0 ? ExifOrientation.Read(data) : orientation;
            }
            else if ((type[0] & 0x20) == 0)
            {
                kept.Write(chunk);
            }

            if (type.SequenceEqual("IEND"u8))
            {
                break;
            }
        }

        return new PreparedImage(kept.WrittenMemory, Math.Max(orientation, ExifOrientation.Upright), palette);
    }

    private static ImagePalette Palette(ReadOnlySpan<byte> chunk)
    {
        ReadOnlySpan<byte> entries = chunk[8..^4];
        if (entries.Length == 0 || entries.Length % 3 != 0 || entries.Length > 3 * ImagePalette.Size)
        {
            throw new ImageException($"a palette of {entries.Length} bytes; expected 1 to {ImagePalette.Size} colours of 3.");
        }

        return Crc(chunk[4..^4]) == BinaryPrimitives.ReadUInt32BigEndian(chunk[^4..])
            ? new ImagePalette(entries)
            : throw new ImageException("the checksum of its palette is wrong; the file is damaged.");
    }

    private static void WriteRamp(ArrayBufferWriter<byte> file, int count)
    {
        Span<byte> chunk = file.GetSpan((3 * count) + ChunkOverhead)[..((3 * count) + ChunkOverhead)];
        BinaryPrimitives.WriteUInt32BigEndian(chunk, (uint)(3 * count));
        "PLTE"u8.CopyTo(chunk[4..]);
        ImagePalette.Ramp(count, 3, chunk[8..]);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[^4..], Crc(chunk[4..^4]));
        file.Advance(chunk.Length);
    }

    // CRC-32 of ISO 3309, bit by bit: it runs over one palette.
    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
        }

        return ~crc;
    }
}
