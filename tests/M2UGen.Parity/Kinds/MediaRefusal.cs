using System.Diagnostics;
using M2UGen.Sdk;

namespace M2UGen.Parity.Kinds;

/// <summary>Damaged and hostile media: refused by a typed exception that says why, soon, and without memory in proportion to what the file claims.</summary>
internal static class MediaRefusal
{
    // A second is asked for; the rest is for starting a process on a busy machine.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private const long MostBytes = 32 << 20;

    /// <summary>One line of the report.</summary>
    /// <param name="report">Where the line goes.</param>
    /// <param name="name">The file.</param>
    /// <param name="must">False: reading it is as good.</param>
    /// <param name="read">Reads the file.</param>
    public static void Check<T>(ParityReport report, string name, bool must, Func<Task<T>> read)
    {
        long bytes = GC.GetTotalAllocatedBytes();
        long start = Stopwatch.GetTimestamp();
        string problem;
        try
        {
            read().GetAwaiter().GetResult();
            problem = must ? "read without complaint" : "";
        }
        catch (MediaFormatException refused)
        {
            problem = refused.Path is not null && refused.Message.Length > refused.Path.Length + 10 ? "" : $"refused without saying what or why: '{refused.Message}'";
        }
        catch (Exception other) when (other is not OperationCanceledException)
        {
            problem = $"expected a {nameof(MediaFormatException)}, found {ParityReport.Describe(other)}";
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        bytes = GC.GetTotalAllocatedBytes() - bytes;
        problem = problem.Length > 0 ? problem
            : time > Longest ? FormattableString.Invariant($"took {time.TotalSeconds:0.0} s; {Longest.TotalSeconds} are allowed")
            : bytes > MostBytes ? $"allocated {bytes} bytes; {MostBytes} are allowed"
            : "";
        report.Check($"refuse {name}", problem.Length == 0, problem);
    }
}
