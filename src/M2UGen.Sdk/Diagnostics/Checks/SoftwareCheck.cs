using System.Runtime.InteropServices;
using M2UGen.Sdk.Pipeline;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>Versions of this library, .NET and the system.</summary>
internal static class SoftwareCheck
{
    private const string Section = "software";

    public static void Run(FindingList findings)
    {
        findings.Add(Section, "M2UGen.Sdk", DoctorStatus.Ok, Versions.Sdk);
        findings.Add(Section, ".NET", DoctorStatus.Ok, RuntimeInformation.FrameworkDescription);
        findings.Add(Section, "system", DoctorStatus.Ok, $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}, process of {RuntimeInformation.ProcessArchitecture}");
    }
}
