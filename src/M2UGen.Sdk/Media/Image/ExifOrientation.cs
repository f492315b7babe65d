using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>Finds the orientation in a block of EXIF data, which is a small TIFF structure.</summary>
/// <remarks>Anything out of order means "upright": a picture is not refused for its metadata. Only the first directory is read, once, so no loop can be made.</remarks>
internal static class ExifOrientation
{
    /// <summary>As stored is upright.</summary>
    public const int Upright = 1;

    private const ushort OrientationTag = 0x0112;
    private const int EntrySize = 12;

    /// <summary>1 to 8.</summary>
    /// <param name="exif">The block, with or without the "Exif\0\0" before it.</param>
    public static int Read(ReadOnlySpan<byte> exif)
    {
        if (exif.StartsWith("Exif\0\0"u8))
        {
            exif = exif[6..];
        }

        bool little = exif.StartsWith("II*\0"u8);
        if (exif.Length < 8 || (!little && !exif.StartsWith("MM\0*"u8)))
        {
            return Upright;
        }

        uint directory = UInt32(exif[4..], little);
        if (directory > exif.Length - 2)
        {
            return Upright;
        }

        ReadOnlySpan<byte> entries = exif[((int)directory + 2)..];
        int count = Math.Min(UInt16(exif[(int)directory..], little), entries.Length / EntrySize);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = entries.Slice(i * EntrySize, EntrySize);
            if (UInt16(entry, little) == OrientationTag)
            {
                uint value = UInt16(entry[2..], little) switch
                {
                    1 => entry[8],
                    3 => UInt16(entry[8..], little),
                    4 => UInt32(entry[8..], little),
                    _ => Upright,
                };
                return value is >= 1 and <= 8 ? (int)value : Upright;
            }
        }

        return Upright;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
