using System.Globalization;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>Runs every component of a bundle on the inputs of its probe and compares what it gives with what it gave when it was exported.</summary>
internal static class ProbeCheck
{
    private const string Section = "probes";

    // GPUs multiply float32 matrices in TF32, with 10 bits behind the point, unless they are told otherwise.
    private const double DeviceTolerance = 0.02;

    private const string RecordThem = "Record them with 'm2ugen-export probe', on a machine that is trusted.";

    public static void Run(FindingList findings, DoctorOptions options, ModelBundle bundle, RuntimeOptions runtime, bool runs, Action<(string Name, double Fraction)> progress, CancellationToken cancellationToken)
    {
        if (!options.RunsProbes || !runs)
        {
            findings.Add(Section, "probes", DoctorStatus.NotChecked, options.RunsProbes ? "No component can run: see the runtime's findings." : "They were not asked for.");
            return;
        }

        ProbeFile? file = null;
        if (findings.Guard(Section, ProbeFile.FileName, () => file = ProbeFile.Read(bundle)))
        {
            Describe(findings, bundle, file);
        }

        SortedDictionary<string, ComponentProbe>? recorded = file?.ManifestSha256 == bundle.ManifestSha256 ? file.Components : null;
        int done = 0;
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            progress((name, 0.5 + (0.5 * done++ / bundle.Manifest.Components.Count)));
            ComponentProbe? probe = recorded?.GetValueOrDefault(name);
            findings.Guard(Section, name, () => Run(findings, bundle, name, component, probe, runtime, cancellationToken));
        }
    }

    private static void Describe(FindingList findings, ModelBundle bundle, ProbeFile? file)
    {
        if (file is null)
        {
            findings.Add(Section, ProbeFile.FileName, DoctorStatus.NotChecked, $"The bundle has none, so numbers have nothing to be compared with. {RecordThem}");
        }
        else if (file.ManifestSha256 != bundle.ManifestSha256)
        {
            findings.Add(Section, ProbeFile.FileName, DoctorStatus.Warning, $"It belongs to another export than {BundleManifest.FileName}, so numbers have nothing to be compared with. {RecordThem}");
        }
        else
        {
            findings.Add(Section, ProbeFile.FileName, DoctorStatus.Ok, $"recorded with ONNX Runtime {file.RuntimeVersion}");
        }
    }

    private static void Run(FindingList findings, ModelBundle bundle, string name, BundleComponent component, ComponentProbe? recorded, RuntimeOptions runtime, CancellationToken cancellationToken)
    {
        if (ProbePlan.Make(name, component, out string reason) is not { } plan)
        {
            findings.Add(Section, name, DoctorStatus.NotChecked, $"It is not run: {reason}.");
            return;
        }

        FreeMemory memory = FreeMemory.Read();
        long bytes = BundleCheck.SizeOf(component);
        if (bytes > memory.FreeBytes)
        {
            findings.Add(Section, name, DoctorStatus.NotChecked, $"It is not run: its weights of {FreeMemory.Text(bytes)} do not fit into the {FreeMemory.Text(memory.FreeBytes)} that are free.");
            return;
        }

        if (recorded is { NotProbed: null } && runtime.Provider != ExecutionProviderKind.Cpu)
        {
            recorded = recorded with { Tolerance = Math.Max(recorded.Tolerance, DeviceTolerance) };
        }

        using OnnxModel model = OnnxModel.Load(bundle, name, runtime);
        Judge(findings, name, component, recorded, ProbeRun.Run(model, plan, cancellationToken));
    }

    /// <summary>Says what a component's numbers come to.</summary>
    internal static void Judge(FindingList findings, string name, BundleComponent component, ComponentProbe? recorded, SortedDictionary<string, OutputProbe> found)
    {
        string[] wild = [.. found.Where(output => !output.Value.IsFinite).Select(output => output.Key)];
        if (recorded?.NotProbed is null && recorded is not null)
        {
            (double deviation, string output) = recorded.Compare(component, found);
            string figures = double.IsFinite(deviation)
                ? string.Create(CultureInfo.InvariantCulture, $"deviation {deviation:0.0e+0} at '{output}', tolerance {recorded.Tolerance:0.0e+0} ({component.Precision})")
                : $"'{output}' has another shape, or numbers that are not finite ({component.Precision})";
            findings.Add(
                Section,
                name,
                deviation <= recorded.Tolerance ? DoctorStatus.Ok : DoctorStatus.Failed,
                deviation <= recorded.Tolerance
                    ? figures
                    : $"It computes other numbers than when it was exported: {figures}. Compare the files' checksums (--deep); where they are right, this processor or provider computes wrong: try the CPU, or another version of ONNX Runtime.");
            return;
        }

        string why = recorded?.NotProbed is { } reason ? $"the exporter recorded nothing ({reason})" : "nothing was recorded";
        findings.Add(
            Section,
            name,
            wild.Length > 0 ? DoctorStatus.Warning : DoctorStatus.NotChecked,
            wild.Length > 0 ? $"It gives numbers that are not finite in {string.Join(", ", wild)}; {why}. Export it again, from a checkpoint that is whole." : $"It runs and its numbers are finite; {why}.");
    }
}
