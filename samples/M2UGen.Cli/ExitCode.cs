namespace M2UGen.Cli;

/// <summary>What the process ends with.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>A file, a model or the machine failed.</summary>
    public const int Failure = 1;

    /// <summary>The command line asks for something that cannot be.</summary>
    public const int Usage = 2;

    /// <summary>Stopped by Ctrl-C, as shells number it (128 + SIGINT).</summary>
    public const int Cancelled = 130;
}
