using System.Reflection;
using System.Runtime.InteropServices;

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
}
