using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Runtime;

/// <summary>How many cores this process can keep busy. Two hardware threads of one core share its arithmetic units: a second thread there only gets in the first one's way.</summary>
internal static partial class PhysicalCores
{
    // LOGICAL_PROCESSOR_RELATIONSHIP.RelationProcessorCore.
    private const int RelationProcessorCore = 0;

    /// <summary>Cores that the process may use, from 1 to <see cref="Environment.ProcessorCount"/>. Asked once: the pool of threads is made once as well.</summary>
    public static int Count { get; } = Limit(Ask(), Environment.ProcessorCount);

    /// <summary>Cores, held against what affinity and container leave of the machine's hardware threads.</summary>
    /// <param name="cores">What the system says; null or less than 1 where it says nothing of use.</param>
    /// <param name="processors"><see cref="Environment.ProcessorCount"/>: hardware threads within the process's affinity, within the container's quota rounded up.</param>
    public static int Limit(int? cores, int processors) => cores is int count and > 0 ? Math.Min(count, processors) : processors;

    /// <summary>Counts the cores in what GetLogicalProcessorInformationEx fills: records of a relationship and a size, one after the other.</summary>
    /// <returns>The number, or null where the records make no sense.</returns>
    public static int? CountRecords(ReadOnlySpan<byte> records)
    {
        int cores = 0;
        while (records.Length >= 8)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
            if (size < 8 || size > records.Length)
            {
                return null;
            }

            cores += BinaryPrimitives.ReadInt32LittleEndian(records) == RelationProcessorCore ? 1 : 0;
            records = records[size..];
        }

        return cores;
    }

    private static int? Ask()
    {
        try
        {
            return OperatingSystem.IsLinux() ? SysfsTopology.CountCores()
                : OperatingSystem.IsMacOS() ? AskSysctl("hw.perflevel0.physicalcpu") ?? AskSysctl("hw.physicalcpu")
                : OperatingSystem.IsWindows() ? AskWindows()
                : null;
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            // A system without these calls still has processors.
            return null;
        }
    }

    /// <summary>On Apple silicon level 0 are the fast cores; operators are split evenly, so a slow core would make the others wait.</summary>
    private static unsafe int? AskSysctl(string name)
    {
        int value = 0;
        nuint size = sizeof(int);
        return SysctlByName(name, &value, &size, null, 0) == 0 && size == sizeof(int) && value > 0 ? value : null;
    }

    private static unsafe int? AskWindows()
    {
        uint length = 0;
        _ = GetLogicalProcessorInformationEx(RelationProcessorCore, null, &length);
        if (length is 0 or > 1 << 24)
        {
            return null;
        }

        byte[] records = new byte[length];
        fixed (byte* buffer = records)
        {
            return GetLogicalProcessorInformationEx(RelationProcessorCore, buffer, &length) != 0 ? CountRecords(records.AsSpan(0, (int)length)) : null;
        }
    }

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int SysctlByName(string name, void* value, nuint* size, void* newValue, nuint newSize);

    [LibraryImport("kernel32")]
    private static unsafe partial int GetLogicalProcessorInformationEx(int relationship, byte* buffer, uint* length);
}
