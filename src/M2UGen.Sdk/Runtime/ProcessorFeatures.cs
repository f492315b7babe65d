using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace M2UGen.Sdk.Runtime;

/// <summary>The processor's name and those of its instruction sets that matrix products depend on.</summary>
internal static class ProcessorFeatures
{
    private const int FirstBrandLeaf = unchecked((int)0x80000002);
    private const int LastBrandLeaf = unchecked((int)0x80000004);

    /// <summary>What the processor calls itself.</summary>
    public static string Name => (X86Base.IsSupported ? BrandString() : LinuxName() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")) is { Length: > 0 } name
        ? name
        : $"{RuntimeInformation.ProcessArchitecture} processor without a name";

    /// <summary>The instruction sets, the widest last.</summary>
    public static IReadOnlyList<string> Names => X86Base.IsSupported ? X86Names() : ArmNames();

    /// <summary>Whether products of 8-bit integers have instructions of their own; without them int8 and int4 weights save memory, and less time.</summary>
    public static bool HasIntegerDotProduct => Names.Any(name => name is "AVX-VNNI" or "AVX-512 VNNI" or "NEON dot product" or "AMX int8");

    private static List<string> X86Names()
    {
        List<string> names = [];
        Add("AVX", Avx.IsSupported);
        Add("AVX2", Avx2.IsSupported);
        Add("FMA", Fma.IsSupported);
        Add("AVX-512", Avx512F.IsSupported);
        if (X86Base.CpuId(0, 0).Eax >= 7)
        {
            // Intel 64 manual, CPUID leaf 7. What the system must switch on as well is asked of .NET.
            (int subleaves, _, int ecx, int edx) = X86Base.CpuId(7, 0);
            int second = subleaves >= 1 ? X86Base.CpuId(7, 1).Eax : 0;
            Add("AVX-VNNI", Avx2.IsSupported && Bit(second, 4));
            Add("AVX-512 VNNI", Avx512F.IsSupported && Bit(ecx, 11));
            Add("AVX-512 BF16", Avx512F.IsSupported && Bit(second, 5));
            Add("AMX int8", Avx512F.IsSupported && Bit(edx, 24) && Bit(edx, 25));
        }

        return names;

        void Add(string name, bool isThere)
        {
            if (isThere)
            {
                names.Add(name);
            }
        }
    }

    private static List<string> ArmNames()
    {
        List<string> names = [];
        if (AdvSimd.IsSupported)
        {
            names.Add("NEON");
        }

        if (Dp.IsSupported)
        {
            names.Add("NEON dot product");
        }

        return names;
    }

    private static bool Bit(int register, int bit) => (register & (1 << bit)) != 0;

    private static string? BrandString()
    {
        if ((uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < unchecked((uint)LastBrandLeaf))
        {
            return null;
        }

        Span<int> registers = stackalloc int[12];
        for (int leaf = FirstBrandLeaf; leaf <= LastBrandLeaf; leaf++)
        {
            int at = 4 * (leaf - FirstBrandLeaf);
            (registers[at], registers[at + 1], registers[at + 2], registers[at + 3]) = X86Base.CpuId(leaf, 0);
        }

        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(registers)).TrimEnd('\0').Trim();
    }

    private static string? LinuxName()
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? File.ReadLines("/proc/cpuinfo").Where(line => line.StartsWith("model name", StringComparison.Ordinal) || line.StartsWith("CPU part", StringComparison.Ordinal))
                    .Select(line => line.Replace("\t", "", StringComparison.Ordinal)).FirstOrDefault()
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
