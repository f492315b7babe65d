using System.Diagnostics;

namespace M2UGen.Cli.Bench;

/// <summary>One timed stretch of work.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="Steps">Steps done in it.</param>
/// <param name="AllocatedBytes">Managed bytes allocated by the measuring thread.</param>
internal readonly record struct Measurement(double Seconds, long Steps, long AllocatedBytes)
{
    /// <summary>Steps a second.</summary>
    public double Rate => Seconds > 0 ? Steps / Seconds : 0;

    /// <summary>Managed bytes a step.</summary>
    public double BytesPerStep => Steps > 0 ? (double)AllocatedBytes / Steps : 0;

    /// <summary>Times <paramref name="work"/>, which returns how many steps it did.</summary>
    public static Measurement Of(Func<long> work)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        long steps = work();
        return new Measurement(Stopwatch.GetElapsedTime(start).TotalSeconds, steps, GC.GetAllocatedBytesForCurrentThread() - bytes);
    }

    /// <summary>The one in the middle by time (of an even number the faster of the two), with the least allocation of all.</summary>
    /// <remarks>Every run of a loop allocates what the loop does; a single run may also meet what the process does only once, such as compiling a method again.</remarks>
    public static Measurement Median(IEnumerable<Measurement> measurements)
    {
        Measurement[] sorted = [.. measurements.OrderBy(m => m.Seconds)];
        return sorted[(sorted.Length - 1) / 2] with { AllocatedBytes = sorted.Min(m => m.AllocatedBytes) };
    }
}
