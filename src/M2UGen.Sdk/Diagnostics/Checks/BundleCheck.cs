using System.Globalization;
using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>A bundle: whether it opens, what it holds, whether its weights fit into memory, whether its files are as they were written; then its components.</summary>
internal static class BundleCheck
{
    private const string Section = "bundle";

    /// <summary>Runs the check.</summary>
    /// <param name="findings">Where findings go.</param>
    /// <param name="options">The bundle, and what to look at.</param>
    /// <param name="runtime">Where components would run.</param>
    /// <param name="runs">Whether they can run there.</param>
    /// <param name="progress">Told of files and components, with the part that is done.</param>
    /// <param name="cancellationToken">Stops the check.</param>
    public static async Task RunAsync(
        FindingList findings, DoctorOptions options, RuntimeOptions runtime, bool runs, Action<(string Name, double Fraction)> progress, CancellationToken cancellationToken)
    {
        if (options.BundlePath is not { } path)
        {
            findings.Add(Section, "bundle", DoctorStatus.NotChecked, "None was named.");
            return;
        }

        ModelBundle? bundle = null;
        findings.Guard(Section, "bundle", () => bundle = Open(findings, path));
        if (bundle is null)
        {
            return;
        }

        CheckMemory(findings, bundle, FreeMemory.Read());
        if (options.VerifiesFiles)
        {
            await findings.GuardAsync(Section, "files", () => VerifyAsync(findings, bundle, progress, cancellationToken)).ConfigureAwait(false);
        }
        else
        {
            findings.Add(Section, "files", DoctorStatus.NotChecked, "Sizes are right; checksums were not asked for (--deep, DoctorOptions.VerifiesFiles).");
        }

        if (runs)
        {
            findings.Guard(Section, "parts", () =>
            {
                using ModelSet models = new(bundle, runtime);
                BundleParts.Open(bundle, models, runtime, options.Pipeline, ownMusic: null);
                findings.Add(Section, "parts", DoctorStatus.Ok, "Tokenizers and settings open.");
            });
        }

        ProbeCheck.Run(findings, options, bundle, runtime, runs, progress, cancellationToken);
    }

    /// <summary>Holds the weights against the free memory. One stage at a time needs less, and a request's caches need more: this is an outline, not a plan.</summary>
    internal static void CheckMemory(FindingList findings, ModelBundle bundle, FreeMemory memory)
    {
        (string Name, long Bytes)[] sizes = [.. bundle.Manifest.Components.Select(component => (component.Key, SizeOf(component.Value)))];
        long all = sizes.Sum(size => size.Bytes);
        (string largest, long most) = sizes.DefaultIfEmpty().MaxBy(size => size.Bytes);
        string free = FreeMemory.Text(memory.FreeBytes);
        (DoctorStatus status, string message) = all <= memory.FreeBytes
            ? (DoctorStatus.Ok, $"{FreeMemory.Text(all)} of weights, {free} free")
            : most <= memory.FreeBytes
                ? (DoctorStatus.Warning, $"{FreeMemory.Text(all)} of weights do not fit into the {free} that are free. Use MemoryPolicy.OneStageAtATime, or export in int8 or int4.")
                : (DoctorStatus.Failed, $"The {FreeMemory.Text(most)} of component '{largest}' alone do not fit into the {free} that are free. Export it in int8 or int4, or free memory.");
        findings.Add(Section, "weights", status, message);
    }

    internal static long SizeOf(BundleComponent component) => component.Files.Sum(file => file.Size);

    private static ModelBundle Open(FindingList findings, string path)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(path);
        BundleManifest manifest = bundle.Manifest;
        findings.Add(
            Section,
            "bundle",
            DoctorStatus.Ok,
            $"'{bundle.Directory}': {manifest.Family}, format {manifest.FormatVersion.ToString(CultureInfo.InvariantCulture)}, made by m2ugen-export {manifest.ExporterVersion}, {bundle.ManifestSha256[..12]}",
            [.. manifest.Components.Select(component => string.Create(CultureInfo.InvariantCulture, $"{component.Key}: {component.Value.Precision}, {SizeOf(component.Value) / 1e6:0.0} MB"))]);
        return bundle;
    }

    private static async Task VerifyAsync(FindingList findings, ModelBundle bundle, Action<(string Name, double Fraction)> progress, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> differences = await bundle.VerifyAsync(new FileProgress(progress), cancellationToken).ConfigureAwait(false);
        findings.Add(
            Section,
            "files",
            differences.Count == 0 ? DoctorStatus.Ok : DoctorStatus.Failed,
            differences.Count == 0 ? "Every SHA-256 is right." : "Files are not as they were written. Copy the bundle again, or export it again.",
            differences);
    }

    /// <summary>Files are the first half of what is done with a bundle, components the second.</summary>
    private sealed class FileProgress(Action<(string Name, double Fraction)> progress) : IProgress<(string File, long BytesDone, long BytesTotal)>
    {
        public void Report((string File, long BytesDone, long BytesTotal) value) => progress((value.File, 0.5 * value.BytesDone / Math.Max(1, value.BytesTotal)));
    }
}
