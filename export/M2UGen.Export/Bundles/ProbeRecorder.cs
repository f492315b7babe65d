using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Export.Bundles;

/// <summary>Runs every component of a bundle once on small inputs and writes down what it gives, for m2ugen doctor to compare with.</summary>
/// <remarks>One thread, so that neither the number of cores nor their race decides about the last digits.</remarks>
internal static class ProbeRecorder
{
    /// <summary>How the reason begins where a component could be run and an export does not.</summary>
    public const string LeftOut = "an export leaves out ";

    /// <summary>Weights, as they lie in memory while they are run, above which an export leaves a component out: it must stay below 2 GB itself.</summary>
    private const long MaxWeightBytes = 1L << 30;

    /// <summary>Input numbers above which an export leaves a component out: 32 frames through a video encoder take a trillion operations.</summary>
    private const long MaxInputElements = 1L << 20;

    /// <summary>Records the probes of a bundle; the file replaces an older one when it is whole.</summary>
    /// <param name="bundle">The opened bundle.</param>
    /// <param name="all">Whether components that take much memory or time are run as well.</param>
    /// <param name="progress">Told of every component.</param>
    /// <param name="cancellationToken">Stops the run at hand; nothing is written then.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="M2UGenException">There is no native ONNX Runtime.</exception>
    public static ProbeFile Record(ModelBundle bundle, bool all, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        RuntimeOptions runtime = new(Threads: 1);
        OnnxRuntimeHost.CheckProvider(runtime);
        SortedDictionary<string, ComponentProbe> probes = new(StringComparer.Ordinal);
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new ExportProgress(ExportStage.Probe, name));
            probes.Add(name, Record(bundle, name, component, all, runtime, cancellationToken));
        }

        ProbeFile file = new()
        {
            FormatVersion = ProbeFile.CurrentFormatVersion,
            ManifestSha256 = bundle.ManifestSha256,
            RuntimeVersion = OnnxRuntimeHost.Version,
            Components = probes,
        };
        file.Write(bundle.Directory);
        return file;
    }

    /// <summary>Lets probes follow a manifest that was written anew over the same graphs, as 'calibrate' does: scales of caches are inputs, which a probe fills itself.</summary>
    /// <param name="before">The bundle as it was opened before.</param>
    public static void Follow(ModelBundle before)
    {
        try
        {
            if (ProbeFile.Read(before) is { } file && file.ManifestSha256 == before.ManifestSha256)
            {
                (file with { ManifestSha256 = ModelBundle.Open(before.Directory).ManifestSha256 }).Write(before.Directory);
            }
        }
        catch (ModelBundleException)
        {
            // A damaged file stays as it is; the doctor says so.
        }
    }

    private static ComponentProbe Record(ModelBundle bundle, string name, BundleComponent component, bool all, RuntimeOptions runtime, CancellationToken cancellationToken)
    {
        if (ProbePlan.Make(name, component, out string reason) is not { } plan)
        {
            return new ComponentProbe { NotProbed = reason };
        }

        if (!all && TooLarge(component, plan) is { } size)
        {
            return new ComponentProbe { NotProbed = $"{LeftOut}{size}; 'm2ugen-export probe' records it" };
        }

        try
        {
            using OnnxModel model = OnnxModel.Load(bundle, name, runtime);
            SortedDictionary<string, OutputProbe> outputs = ProbeRun.Run(model, plan, cancellationToken);
            string[] wild = [.. outputs.Where(output => !output.Value.IsFinite).Select(output => output.Key)];
            return wild.Length > 0
                ? new ComponentProbe { NotProbed = $"it gives numbers that are not finite in {string.Join(", ", wild)}" }
                : new ComponentProbe { Tolerance = ComponentProbe.ToleranceOf(component.Precision), Outputs = outputs };
        }
        catch (M2UGenException exception)
        {
            // A component that this machine's runtime cannot run may be for another one; the bundle is whole, and the doctor says what it lacks.
            // Where the bundle lies on this disk is nobody's business.
            string message = exception.Message.Replace(bundle.Directory + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).TrimEnd('.');
            return new ComponentProbe { NotProbed = $"it does not run here: {message}" };
        }
    }

    private static string? TooLarge(BundleComponent component, ProbePlan plan)
    {
        long stored = component.Files.Sum(file => file.Size);

        // The processor's kernels take half precision only widened.
        long bytes = component.Precision == "float16" ? 2 * stored : stored;
        return bytes > MaxWeightBytes ? "components of more than 1 GiB of weights"
            : plan.ElementCount > MaxInputElements ? "components with inputs of more than a million numbers"
            : null;
    }
}
