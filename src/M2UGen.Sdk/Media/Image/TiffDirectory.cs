using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>The first directory of a TIFF structure, as TIFF files and EXIF blocks have it: a list of tags with numbers.</summary>
/// <remarks>What is out of order counts as absent. Only one directory is read, so no loop can be made. Source: TIFF 6.0, section 2.</remarks>
internal readonly ref struct TiffDirectory
{
    private const int EntrySize = 12;
    private const int InlineSize = 4;

    private readonly ReadOnlySpan<byte> _file;
    private readonly ReadOnlySpan<byte> _entries;
    private readonly bool _little;

    /// <summary>Finds the directory; it is empty where there is none.</summary>
    public TiffDirectory(ReadOnlySpan<byte> file)
    {
        _little = file.StartsWith("II*\0"u8);
        if (file.Length < 8 || (!_little && !file.StartsWith("MM\0*"u8)))
        {
            return;
        }

        _file = file;
        uint start = UInt32(file[4..]);
        if (start <= file.Length - 2)
        {
            ReadOnlySpan<byte> rest = file[((int)start + 2)..];
            _entries = rest[..(Math.Min(UInt16(file[(int)start..]), rest.Length / EntrySize) * EntrySize)];
        }
    }

    /// <summary>The first number of a tag, or null.</summary>
    public uint? Number(ushort tag) => Numbers(tag) is [uint first, ..] ? first : null;

    /// <summary>All numbers of a tag (types BYTE, SHORT, LONG); empty where it is absent or lies beyond the file.</summary>
    public uint[] Numbers(ushort tag)
    {
        for (ReadOnlySpan<byte> entries = _entries; entries.Length > 0; entries = entries[EntrySize..])
        {
            if (UInt16(entries) != tag)
            {
                continue;
            }

            int size = UInt16(entries[2..]) switch { 1 => 1, 3 => 2, 4 => 4, _ => 0 };
            long bytes = size * (long)UInt32(entries[4..]);
            ReadOnlySpan<byte> values = entries.Slice(8, InlineSize);
            if (bytes > InlineSize)
            {
                uint at = UInt32(values);
                values = at <= _file.Length ? _file[(int)at..] : [];
            }

            if (bytes == 0 || bytes > values.Length)
            {
                break;
            }

            uint[] numbers = new uint[bytes / size];
            for (int i = 0; i < numbers.Length; i++, values = values[size..])
            {
                numbers[i] = size switch { 1 => values[0], 2 => UInt16(values), _ => UInt32(values) };
            }

            return numbers;
        }

        return [];
    }

    private ushort UInt16(ReadOnlySpan<byte> bytes) => _little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private uint UInt32(ReadOnlySpan<byte> bytes) => _little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
