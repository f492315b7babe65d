using System.Buffers.Binary;
using System.Text;

namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>One file inside a zip archive, stored without compression.</summary>
/// <param name="Name">Its whole name.</param>
/// <param name="HeaderOffset">Where its local header begins in the file.</param>
/// <param name="DataOffset">Where its bytes begin in the file.</param>
/// <param name="Length">How many bytes it has.</param>
/// <param name="Method">Compression method; 0 is stored.</param>
internal readonly record struct ZipEntry(string Name, long HeaderOffset, long DataOffset, long Length, int Method);

/// <summary>The central directory of a zip archive, read strictly: everything in it must agree with the file, or the file is refused.</summary>
/// <remarks>
/// Source: PKWARE APPNOTE 6.3. zip64 is read, since real checkpoints are larger than 4 GB. Checksums are not compared: torch can be told to write
/// archives without true ones. Refused: several disks, encryption, two entries of one name, entries that overlap, a local header that names
/// another entry, bytes before the first entry's header that shift the offsets, and sizes or counts that do not fit the file.
/// </remarks>
internal static class ZipDirectory
{
    private const int EndLength = 22;
    private const int LocatorLength = 20;
    private const int End64Length = 56;
    private const int CentralLength = 46;
    private const int LocalLength = 30;
    private const int MaxDirectoryBytes = 64 << 20;

    /// <summary>Highest "version needed to extract" with a meaning known to this reader (6.3).</summary>
    private const int MaxVersion = 63;

    private static readonly UTF8Encoding StrictUtf8 = new(false, true);

    /// <summary>Reads and checks all entries, in the directory's order.</summary>
    /// <exception cref="CheckpointException">Something in the archive is not as it must be.</exception>
    public static List<ZipEntry> Read(CheckpointFile file)
    {
        (long offset, long length, long count) = FindDirectory(file);
        byte[] directory = file.Read(offset, (int)length);
        List<ZipEntry> entries = new((int)count);
        HashSet<string> names = new(StringComparer.Ordinal);
        int position = 0;
        for (long i = 0; i < count; i++)
        {
            ZipEntry entry = ReadCentral(file, directory, offset, ref position);
            if (!names.Add(entry.Name))
            {
                throw file.Fail($"the archive holds {Text.Quote(entry.Name)} twice.");
            }

            entries.Add(entry);
        }

        if (position != directory.Length)
        {
            throw file.Fail("the archive's directory is longer than its entries.");
        }

        CheckOverlap(file, entries);
        return entries;
    }

    /// <summary>Finds the directory by the record at the very end of the file.</summary>
    private static (long Offset, long Length, long Count) FindDirectory(CheckpointFile file)
    {
        int tailLength = (int)Math.Min(file.Length, EndLength + ushort.MaxValue);
        byte[] tail = file.Read(file.Length - tailLength, tailLength);
        int at = -1;
        for (int i = tailLength - EndLength; i >= 0; i--)
        {
            if (tail.AsSpan(i).StartsWith("PK\x05\x06"u8) && i + EndLength + U16(tail, i + 20) == tailLength)
            {
                at = i;
                break;
            }
        }

        if (at < 0)
        {
            throw file.Fail("is a zip archive without its end: cut off. Download or copy it again.");
        }

        long endAt = file.Length - tailLength + at;
        ReadOnlySpan<byte> end = tail.AsSpan(at, EndLength);
        long count = U16(end, 10);
        long length = U32(end, 12);
        long offset = U32(end, 16);
        long directoryEnd = endAt;
        bool disks = (U16(end, 4) is not (0 or ushort.MaxValue)) || (U16(end, 6) is not (0 or ushort.MaxValue)) || U16(end, 8) != count;
        byte[] locator = endAt >= LocatorLength ? file.Read(endAt - LocatorLength, LocatorLength) : [];
        if (locator.AsSpan().StartsWith("PK\x06\x07"u8))
        {
            directoryEnd = ToLong(file, U64(locator, 8));
            if (directoryEnd > endAt - LocatorLength - End64Length)
            {
                throw file.Fail("the archive's zip64 locator points beyond the file.");
            }

            byte[] end64 = file.Read(directoryEnd, End64Length);
            if (!end64.AsSpan().StartsWith("PK\x06\x06"u8) || U64(end64, 4) != (ulong)(endAt - LocatorLength - directoryEnd - 12))
            {
                throw file.Fail("the archive's zip64 end record is not where its locator says.");
            }

            disks |= U32(end64, 16) != 0 || U32(end64, 20) != 0 || U32(locator, 4) != 0 || U32(locator, 16) > 1 || U64(end64, 24) != U64(end64, 32);
            long count64 = ToLong(file, U64(end64, 32));
            long length64 = ToLong(file, U64(end64, 40));
            long offset64 = ToLong(file, U64(end64, 48));
            if ((count != ushort.MaxValue && count != count64) || (length != uint.MaxValue && length != length64) || (offset != uint.MaxValue && offset != offset64))
            {
                throw file.Fail("the archive's two end records contradict each other.");
            }

            (count, length, offset) = (count64, length64, offset64);
        }
        else
        {
            disks |= U16(end, 4) != 0 || U16(end, 6) != 0;
        }

        if (disks)
        {
            throw file.Fail("is part of an archive that is split over several disks.");
        }

        if (offset > directoryEnd || length != directoryEnd - offset)
        {
            throw file.Fail($"the archive's end record places its directory at {offset} with {length} bytes, which does not end at {directoryEnd}.");
        }

        if (length > MaxDirectoryBytes || count > length / CentralLength)
        {
            throw file.Fail($"the archive's directory claims {count} entries in {length} bytes.");
        }

        return (offset, length, count);
    }

    private static ZipEntry ReadCentral(CheckpointFile file, byte[] directory, long directoryOffset, ref int position)
    {
        ReadOnlySpan<byte> rest = directory.AsSpan(position);
        if (rest.Length < CentralLength || !rest.StartsWith("PK\x01\x02"u8))
        {
            throw file.Fail("the archive's directory has fewer entries than its end record counts.");
        }

        int nameLength = U16(rest, 28);
        int extraLength = U16(rest, 30);
        int total = CentralLength + nameLength + extraLength + U16(rest, 32);
        if (total > rest.Length)
        {
            throw file.Fail("an entry of the archive's directory reaches beyond it.");
        }

        ReadOnlySpan<byte> nameBytes = rest.Slice(CentralLength, nameLength);
        string name = DecodeName(file, nameBytes);
        int flags = U16(rest, 8);
        if ((flags & 0x2041) != 0)
        {
            throw file.Fail($"entry {Text.Quote(name)} is encrypted.");
        }

        if ((U16(rest, 6) & 0xff) > MaxVersion)
        {
            throw file.Fail($"entry {Text.Quote(name)} asks for version {U16(rest, 6)} of the zip format, which is not known.");
        }

        ulong compressed = U32(rest, 20);
        ulong length = U32(rest, 24);
        ulong header = U32(rest, 42);
        ulong disk = U16(rest, 34);
        ReadZip64(file, name, rest.Slice(CentralLength + nameLength, extraLength), ref length, ref compressed, ref header, ref disk);
        int method = U16(rest, 10);
        if (disk != 0 || header > (ulong)directoryOffset || compressed > (ulong)directoryOffset - header || (method == 0 && compressed != length))
        {
            throw file.Fail($"entry {Text.Quote(name)} has a place or size ({length} bytes, {compressed} in the archive, at {header}) that does not fit the file.");
        }

        position += total;
        long dataOffset = CheckLocal(file, name, nameBytes, method, (long)header);
        if (dataOffset > directoryOffset || (long)compressed > directoryOffset - dataOffset)
        {
            throw file.Fail($"entry {Text.Quote(name)} reaches into the archive's directory.");
        }

        return new ZipEntry(name, (long)header, dataOffset, (long)compressed, method);
    }

    /// <summary>Replaces the fields that say "see zip64" by those of the extra field 0x0001, which must hold them.</summary>
    private static void ReadZip64(CheckpointFile file, string name, ReadOnlySpan<byte> extra, ref ulong length, ref ulong compressed, ref ulong header, ref ulong disk)
    {
        ReadOnlySpan<byte> field = [];
        while (extra.Length >= 4)
        {
            int size = U16(extra, 2);
            if (size > extra.Length - 4)
            {
                break;
            }

            if (U16(extra, 0) == 1)
            {
                field = extra.Slice(4, size);
                break;
            }

            extra = extra[(4 + size)..];
        }

        int needed = (length == uint.MaxValue ? 8 : 0) + (compressed == uint.MaxValue ? 8 : 0) + (header == uint.MaxValue ? 8 : 0) + (disk == ushort.MaxValue ? 4 : 0);
        if (field.Length < needed)
        {
            throw file.Fail($"entry {Text.Quote(name)} refers to a zip64 field that is not there.");
        }

        Take64(ref length, ref field);
        Take64(ref compressed, ref field);
        Take64(ref header, ref field);
        if (disk == ushort.MaxValue)
        {
            disk = U32(field, 0);
        }

        static void Take64(ref ulong value, ref ReadOnlySpan<byte> field)
        {
            if (value == uint.MaxValue)
            {
                value = U64(field, 0);
                field = field[8..];
            }
        }
    }

    /// <summary>Compares an entry's local header with the directory; gives where the data begins.</summary>
    private static long CheckLocal(CheckpointFile file, string name, ReadOnlySpan<byte> nameBytes, int method, long header)
    {
        byte[] local = file.Read(header, (int)Math.Min(LocalLength + nameBytes.Length, file.Length - header));
        if (local.Length < LocalLength + nameBytes.Length || !local.AsSpan().StartsWith("PK\x03\x04"u8))
        {
            throw file.Fail($"entry {Text.Quote(name)} has no header at {header}.");
        }

        if (U16(local, 26) != nameBytes.Length || !local.AsSpan(LocalLength).SequenceEqual(nameBytes) || (method == 0 && U16(local, 8) != 0))
        {
            throw file.Fail($"the header at {header} is not that of entry {Text.Quote(name)}.");
        }

        return header + LocalLength + nameBytes.Length + U16(local, 28);
    }

    private static void CheckOverlap(CheckpointFile file, List<ZipEntry> entries)
    {
        long end = 0;
        foreach (ZipEntry entry in entries.OrderBy(e => e.HeaderOffset))
        {
            if (entry.HeaderOffset < end)
            {
                throw file.Fail($"entry {Text.Quote(entry.Name)} overlaps another.");
            }

            end = entry.DataOffset + entry.Length;
        }
    }

    private static string DecodeName(CheckpointFile file, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw file.Fail("the archive holds an entry whose name is not valid UTF-8.", e);
        }
    }

    private static long ToLong(CheckpointFile file, ulong value) =>
        value <= long.MaxValue ? (long)value : throw file.Fail("the archive's zip64 end record holds a number beyond 2^63.");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
