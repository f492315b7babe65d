namespace M2UGen.Export.Bundles;

/// <summary>The version that manifests name.</summary>
internal static class ExporterVersion
{
    /// <summary>Major, minor and patch: without the commit, so that a rebuild of the same version makes the same bundle.</summary>
    public static string Current { get; } = typeof(ExporterVersion).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
}
