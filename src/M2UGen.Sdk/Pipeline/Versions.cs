using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace M2UGen.Sdk.Pipeline;

/// <summary>What a result's manifest says of its surroundings.</summary>
internal static class Versions
{
    /// <summary>This library's version, without the commit behind it.</summary>
    public static string Sdk { get; } =
        typeof(Versions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    /// <summary>.NET, operating system, processor.</summary>
    public static string Platform { get; } =
        $"{RuntimeInformation.FrameworkDescription}; {RuntimeInformation.RuntimeIdentifier}; {RuntimeInformation.ProcessArchitecture}";

    /// <summary>SHA-256 of a clip's samples as little-endian floats, in lower-case hexadecimal.</summary>
    public static string HashOf(AudioClip clip) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(clip.Samples.Span)));
}
