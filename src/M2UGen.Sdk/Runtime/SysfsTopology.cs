using System.Globalization;

namespace M2UGen.Sdk.Runtime;

/// <summary>Linux's description of the processor: which hardware threads are one core (<c>/sys/devices/system/cpu</c>), and which of them the process may use.</summary>
internal static class SysfsTopology
{
    // Far above any machine; a damaged list must not make us count for long.
    private const int MaxProcessor = 1 << 16;

    /// <summary>Counts the cores with at least one hardware thread that the process may run on.</summary>
    /// <param name="root">The file system's root; another one in tests.</param>
    /// <returns>The number, or null where the system does not say.</returns>
    public static int? CountCores(string root = "/")
    {
        if (AllowedProcessors(root) is not { Count: > 0 } allowed)
        {
            return null;
        }

        HashSet<string> cores = new(StringComparer.Ordinal);
        foreach (int processor in allowed)
        {
            string topology = Path.Combine(root, "sys/devices/system/cpu", string.Create(CultureInfo.InvariantCulture, $"cpu{processor}"), "topology");

            // The second name is the first one's in kernels before 5.2. Both list all threads of the core, so they name it.
            if ((FirstLine(Path.Combine(topology, "core_cpus_list")) ?? FirstLine(Path.Combine(topology, "thread_siblings_list"))) is not { } siblings)
            {
                return null;
            }

            cores.Add(siblings);
        }

        return cores.Count;
    }

    /// <summary>Reads a list such as <c>0-3,8</c>.</summary>
    /// <returns>The numbers, or null where the text is no such list.</returns>
    public static IReadOnlyList<int>? ParseList(string text)
    {
        List<int> numbers = [];
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !TryParse(ends[0], out int first) || !TryParse(ends[^1], out int last) || last < first)
            {
                return null;
            }

            numbers.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return numbers;
    }

    private static IReadOnlyList<int>? AllowedProcessors(string root)
    {
        const string Name = "Cpus_allowed_list:";
        string? line = ReadLines(Path.Combine(root, "proc/self/status"))?.FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return line is null ? null : ParseList(line[Name.Length..]);
    }

    private static bool TryParse(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= MaxProcessor;

    private static string? FirstLine(string path) => ReadLines(path) is [{ Length: > 0 } line, ..] ? line.Trim() : null;

    private static string[]? ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
