using System.Globalization;

namespace M2UGen.Sdk.Runtime;

/// <summary>What a Linux container allows its processes.</summary>
/// <param name="Processors">Processor time per time; null without a quota.</param>
/// <param name="MemoryBytes">Memory; null without a limit.</param>
internal sealed record ContainerLimits(double? Processors, long? MemoryBytes)
{
    // Version 1 writes "no limit" as the largest multiple of a page; no machine has an exbibyte.
    private const long NoLimit = 1L << 60;

    /// <summary>Reads the limits of this process's control groups, of both versions; a group is held to those of the groups around it.</summary>
    /// <param name="root">The file system's root; another one in tests.</param>
    public static ContainerLimits Read(string root = "/")
    {
        double? processors = null;
        long? memory = null;
        foreach (string line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // number:controllers:path, without controllers in version 2.
            if (line.Split(':', 3) is not [_, string controllers, string path])
            {
                continue;
            }

            string[] names = controllers.Split(',');
            if (controllers.Length == 0)
            {
                foreach (string folder in Folders(Path.Combine(root, "sys/fs/cgroup"), path))
                {
                    processors = Least(processors, Quota(Text(folder, "cpu.max")?.Split(' ')));
                    memory = Least(memory, Number(Text(folder, "memory.max")));
                }
            }
            else if (names.Contains("memory"))
            {
                foreach (string folder in Folders(Path.Combine(root, "sys/fs/cgroup/memory"), path))
                {
                    memory = Least(memory, Number(Text(folder, "memory.limit_in_bytes")));
                }
            }
            else if (names.Contains("cpu"))
            {
                foreach (string folder in Folders(Path.Combine(root, "sys/fs/cgroup/cpu"), path))
                {
                    processors = Least(processors, Quota([Text(folder, "cpu.cfs_quota_us") ?? "", Text(folder, "cpu.cfs_period_us") ?? ""]));
                }
            }
        }

        return new ContainerLimits(processors, memory);
    }

    /// <summary>The group's folder and those around it, up to the hierarchy's root.</summary>
    private static IEnumerable<string> Folders(string root, string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int count = parts.Length; count >= 0; count--)
        {
            yield return Path.Combine([root, .. parts.Take(count)]);
        }
    }

    private static double? Quota(string[]? numbers) =>
        numbers is [string quota, string period] && Number(quota) is > 0 and long time && Number(period) is > 0 and long of ? (double)time / of : null;

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number < NoLimit ? number : null;

    private static T? Least<T>(T? one, T? other)
        where T : struct, IComparable<T> =>
        one is { } a && other is { } b ? (a.CompareTo(b) <= 0 ? a : b) : one ?? other;

    private static string? Text(string folder, string file) => Lines(Path.Combine(folder, file)) is [string line, ..] ? line.Trim() : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
