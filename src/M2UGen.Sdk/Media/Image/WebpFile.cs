using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>A WebP file's structure: its orientation.</summary>
/// <remarks>Source: RFC 9649, section 2 (RIFF chunks, padded to even sizes).</remarks>
internal static class WebpFile
{
    private const int HeaderSize = 12;

    /// <summary>The file and its orientation (the first chunk EXIF).</summary>
    public static PreparedImage Prepare(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> rest = file.Span[HeaderSize..];
        while (rest.Length >= 8)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            bool exif = rest.StartsWith("EXIF"u8);
            rest = rest[8..];
            if (size > rest.Length)
            {
                break;
            }

            if (exif)
            {
                return new PreparedImage(file, ExifOrientation.Read(rest[..(int)size]), null);
            }

            rest = rest[Math.Min(rest.Length, (int)size + ((int)size & 1))..];
        }

        return new PreparedImage(file, ExifOrientation.Upright, null);
    }
}
