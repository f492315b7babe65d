using System.Buffers.Binary;
using System.Text;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>The LIST chunk of type INFO: texts about a file, here the comment (ICMT).</summary>
internal static class InfoChunk
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The comment in a LIST chunk's body, or null where there is none; damaged lists end where they stop making sense.</summary>
    public static string? ReadComment(ReadOnlySpan<byte> list)
    {
        if (!list.StartsWith("INFO"u8))
        {
            return null;
        }

        list = list[4..];
        while (list.Length >= 8)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(list[4..]);
            if (size > list.Length - 8)
            {
                return null;
            }

            if (list.StartsWith("ICMT"u8))
            {
                return Decode(list.Slice(8, (int)size).TrimEnd((byte)0));
            }

            list = list[(int)Math.Min(8L + size + (size & 1), list.Length)..];
        }

        return null;
    }

    /// <summary>A whole LIST chunk, header and padding included, that holds <paramref name="comment"/> as UTF-8 with a terminating zero.</summary>
    public static byte[] Write(string comment)
    {
        int textSize = Strict.GetByteCount(comment) + 1;
        int padded = textSize + (textSize & 1);
        byte[] chunk = new byte[8 + 4 + 8 + padded];
        "LIST"u8.CopyTo(chunk);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), chunk.Length - 8);
        "INFOICMT"u8.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(16), textSize);
        Strict.GetBytes(comment, chunk.AsSpan(20));
        return chunk;
    }

    private static string Decode(ReadOnlySpan<byte> text)
    {
        try
        {
            return Strict.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            // Older writers: the format itself names no encoding.
            return Encoding.Latin1.GetString(text);
        }
    }
}
