namespace M2UGen.Sdk.Tests.Media;

/// <summary>A fact about what only Unix has: pipes and devices that have a name among the files.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "Windows has no pipes and devices among its files." : null;
}
