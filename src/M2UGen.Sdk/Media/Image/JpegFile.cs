using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>A JPEG file's structure: its orientation, and how often the pixels are gone over.</summary>
/// <remarks>Source: ITU-T T.81, annex B (markers). Bytes that are no marker are passed over, as libjpeg does.</remarks>
internal static class JpegFile
{
    // A scan can go over every block of a large picture in a few bytes, so a small file could ask for years. Encoders write about ten.
    private const int MaxScans = 100;

    private const byte StartOfImage = 0xD8;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;
    private const byte App1 = 0xE1;

    /// <summary>The file and its orientation (the first APP1 segment with EXIF data).</summary>
    /// <exception cref="ImageException">It has more scans than any encoder writes.</exception>
    public static PreparedImage Prepare(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> rest = file.Span;
        int scans = 0;
        int orientation = 0;
        while (TryNextMarker(ref rest, out byte marker) && marker != EndOfImage)
        {
            if (IsAlone(marker))
            {
                continue;
            }

            // The length counts its own two bytes.
            int length = rest.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(rest);
            if (length < 2 || length > rest.Length)
            {
                break;
            }

            if (marker == App1 && orientation == 0 && rest[2..length].StartsWith("Exif\0"u8))
            {
                orientation = ExifOrientation.Read(rest[2..length]);
            }

            if (marker == StartOfScan && ++scans > MaxScans)
            {
                throw new ImageException($"more than {MaxScans} scans; no encoder writes so many.");
            }

            rest = rest[length..];
        }

        return new PreparedImage(file, Math.Max(orientation, ExifOrientation.Upright), null);
    }

    /// <summary>Moves behind the next 0xFF that a marker follows; within a scan, 0xFF 0 is a data byte.</summary>
    private static bool TryNextMarker(ref ReadOnlySpan<byte> rest, out byte marker)
    {
        while (true)
        {
            int at = rest.IndexOf((byte)0xFF);
            if (at < 0)
            {
                break;
            }

            rest = rest[at..];
            int code = rest.IndexOfAnyExcept((byte)0xFF);
            if (code < 0)
            {
                break;
            }

            marker = rest[code];
            rest = rest[(code + 1)..];
            if (marker != 0)
            {
                return true;
            }
        }

        marker = 0;
        return false;
    }

    // TEM, RST0 to RST7 and SOI have no length.
    private static bool IsAlone(byte marker) => marker is 0x01 or (>= 0xD0 and <= StartOfImage);
}
