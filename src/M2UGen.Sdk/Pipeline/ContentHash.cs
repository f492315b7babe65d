using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using M2UGen.Sdk.Language;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Names what went into a result by SHA-256, in lower-case hexadecimal: the decoded content, whatever file it came from.</summary>
internal static class ContentHash
{
    /// <summary>Of a clip's interleaved samples as little-endian floats.</summary>
    public static string Of(AudioClip clip) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(clip.Samples.Span)));

    /// <summary>Of pictures' rows of RGB bytes, one picture behind the other.</summary>
    public static string Of(IReadOnlyList<ImageFrame> frames)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ImageFrame frame in frames)
        {
            hash.AppendData(frame.Rgb.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Of earlier turns: instruction and answer in UTF-8, each behind its length, so that no two histories read alike.</summary>
    public static string Of(IReadOnlyList<PastTurn> turns)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        foreach (PastTurn turn in turns)
        {
            foreach (string text in (ReadOnlySpan<string>)[turn.Instruction, turn.Answer])
            {
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
                hash.AppendData(length);
                hash.AppendData(bytes);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
