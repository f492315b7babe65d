using System.Globalization;

namespace M2UGen.Sdk.Runtime;

/// <summary>The memory that this process could use: the machine's, or its container's where that is less.</summary>
/// <param name="TotalBytes">All of it.</param>
/// <param name="FreeBytes">What is not in use now; pages that only cache files count as free.</param>
internal readonly record struct FreeMemory(long TotalBytes, long FreeBytes)
{
    /// <summary>Reads both as .NET's collector sees them, which knows containers on every system.</summary>
    public static FreeMemory Read()
    {
        // The figures are those of the last collection; the smallest one makes them new.
        GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        GCMemoryInfo info = GC.GetGCMemoryInfo(GCKind.Any);
        return new FreeMemory(info.TotalAvailableMemoryBytes, Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes));
    }

    /// <summary>Bytes as people read them: <c>3.5 GB</c>, <c>19 MB</c>.</summary>
    public static string Text(long bytes) => bytes >= 1_000_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0} MB");
}
