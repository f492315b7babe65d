using System.CommandLine;

namespace M2UGen.Export.Commands;

/// <summary>The exporter's commands, for <c>m2ugen-export</c> and for any other tool that mounts them.</summary>
/// <remarks>Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. Results go to the output, progress and errors to the error output.</remarks>
public static class ExporterCommands
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>The work could not be done; the reason was written to the error output.</summary>
    public const int Failure = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int WrongUsage = 2;

    /// <summary>Stopped by Ctrl-C or a termination signal.</summary>
    public const int Cancelled = 130;

    /// <summary><c>export</c>: makes a bundle.</summary>
    public static Command Export() => ExportCommand.Create();

    /// <summary><c>inspect</c>: lists what a checkpoint or a bundle holds.</summary>
    public static Command Inspect() => InspectCommand.Create();

    /// <summary><c>verify</c>: checks a bundle's contract and hashes.</summary>
    public static Command Verify() => VerifyCommand.Create();

    /// <summary><c>compare</c>: measures a bundle against another export of its checkpoint. Runs both, so the program needs ONNX Runtime's native library.</summary>
    public static Command Compare() => CompareCommand.Create();

    /// <summary><c>calibrate</c>: measures the scales of caches in 8 bits. Runs the bundle, so the program needs ONNX Runtime's native library.</summary>
    public static Command Calibrate() => CalibrateCommand.Create();

    /// <summary><c>probe</c>: runs a bundle's components and records a few numbers of each for <c>m2ugen doctor</c>. The program needs ONNX Runtime's native library.</summary>
    public static Command Probe() => ProbeCommand.Create();

    /// <summary><c>synth</c>: writes a checkpoint of a published size with made-up weights.</summary>
    public static Command Synth() => SynthCommand.Create();

    /// <summary>Parses and runs a command line with the exit codes above.</summary>
    /// <param name="root">The tool's root command.</param>
    /// <param name="args">The arguments.</param>
    /// <param name="configuration">Where output goes; null for the console.</param>
    /// <param name="cancellationToken">Cancels as Ctrl-C does.</param>
    public static async Task<int> InvokeAsync(RootCommand root, IReadOnlyList<string> args, InvocationConfiguration? configuration = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(root);
        ParseResult result = root.Parse(args);
        configuration ??= new InvocationConfiguration();

        // Time to remove a half-written bundle after Ctrl-C: deleting tens of gigabytes takes some seconds on a slow disk.
        configuration.ProcessTerminationTimeout = TimeSpan.FromSeconds(30);
        int code = await result.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        return result.Errors.Count > 0 ? WrongUsage : code;
    }
}
