using M2UGen.Sdk.Diagnostics.Checks;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk;

/// <summary>Examines an installation: versions, the native library and each place it is looked for, execution providers, processor, memory, threads, media tools, a bundle and what its components compute.</summary>
/// <remarks>Thread-safe. What is broken is a finding, never an exception. <c>m2ugen doctor</c> is this on the command line.</remarks>
public static class M2UGenDoctor
{
    /// <summary>Examines the installation, and the bundle that the options name.</summary>
    /// <param name="options">What to look at.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellationToken">Stops the examination, inside a component's run too.</param>
    /// <returns>The findings and the verdict.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task<DoctorReport> ExamineAsync(DoctorOptions options, IProgress<DoctorProgress>? progress = null, CancellationToken cancellationToken = default) =>
        ExamineAsync(options, new NativeRuntime(), progress, cancellationToken);

    /// <summary>Examines an installation with another native library than the process has, for tests.</summary>
    internal static Task<DoctorReport> ExamineAsync(DoctorOptions options, INativeRuntime native, IProgress<DoctorProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionsCheck check = new();
        options.Check(check);
        check.ThrowIfAny();
        return Task.Run(() => Examine(options, native, progress, cancellationToken), cancellationToken);
    }

    private static async Task<DoctorReport> Examine(DoctorOptions options, INativeRuntime native, IProgress<DoctorProgress>? progress, CancellationToken cancellationToken)
    {
        RuntimeOptions runtime = options.Runtime;
        FindingList findings = new(cancellationToken);
        Start("software", 0);
        SoftwareCheck.Run(findings);
        Start("runtime", 0.05);
        bool runs = RuntimeCheck.Run(findings, native, runtime);
        Start("machine", 0.1);
        MachineCheck.Run(findings, runtime, runs);
        Start("media", 0.15);
        MediaCheck.Run(findings, options.Pipeline.Media);
        Start("bundle", 0.2);
        await BundleCheck.RunAsync(findings, options, runtime, runs, component => Start(component.Name, 0.2 + (0.8 * component.Fraction)), cancellationToken).ConfigureAwait(false);
        progress?.Report(new DoctorProgress("verdict", 1));
        return new DoctorReport(findings.ToArray());

        void Start(string step, double fraction)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new DoctorProgress(step, fraction));
        }
    }
}
