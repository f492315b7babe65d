using System.Buffers.Binary;
using System.Security.Cryptography;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Settles the seeds of a request.</summary>
internal static class Seeds
{
    /// <summary>A seed that only one half of the request names counts for both; without any, one is drawn.</summary>
    public static (ulong Answer, ulong Music) Of(ulong? answer, ulong? music)
    {
        ulong both = answer ?? music ?? Fresh();
        return (answer ?? both, music ?? both);
    }

    // 53 bits: every reader of JSON keeps such a number exactly.
    private static ulong Fresh()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) >> 11;
    }
}
