using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>Processor, cores, container limits, memory, threads.</summary>
internal static class MachineCheck
{
    private const string Section = "machine";

    public static void Run(FindingList findings, RuntimeOptions runtime, bool runs)
    {
        findings.Guard(Section, "processor", () => CheckProcessor(findings));
        findings.Guard(Section, "cores", () => CheckCores(findings));
        findings.Guard(Section, "memory", () => CheckMemory(findings));
        CheckThreads(findings, OnnxRuntimeHost.ThreadsOf(runtime), PhysicalCores.Count, hasOwnPools: runs && runtime.Threads == 0 && !OnnxRuntimeHost.HasGlobalPool);
    }

    internal static void CheckThreads(FindingList findings, int threads, int cores, bool hasOwnPools)
    {
        const string Name = "threads";
        if (threads > cores)
        {
            findings.Add(Section, Name, DoctorStatus.Warning, FormattableString.Invariant($"{threads} threads an operator on {cores} cores wait for one another. Leave PipelineOptions.Threads out, or set it to {cores} at most."));
        }
        else if (hasOwnPools)
        {
            findings.Add(Section, Name, DoctorStatus.Warning, FormattableString.Invariant($"{threads} an operator, in a pool of each component's own, since the application made ONNX Runtime's environment before this library. Load the pipeline first, so that all share one pool."));
        }
        else
        {
            findings.Add(Section, Name, DoctorStatus.Ok, FormattableString.Invariant($"{threads} an operator"));
        }
    }

    private static void CheckProcessor(FindingList findings)
    {
        string features = string.Join(", ", ProcessorFeatures.Names);
        string name = $"{ProcessorFeatures.Name} ({(features.Length == 0 ? "no vector instructions known" : features)})";
        bool isOld = RuntimeInformation.ProcessArchitecture == Architecture.X64 && !Avx2.IsSupported;
        findings.Add(
            Section,
            "processor",
            isOld ? DoctorStatus.Warning : DoctorStatus.Ok,
            isOld ? $"{name}. Without AVX2 every matrix product is several times slower; look whether the virtual machine hides it."
            : ProcessorFeatures.HasIntegerDotProduct ? name
            : $"{name}; no dot products of 8-bit integers, so int8 and int4 weights gain less speed than elsewhere");
    }

    private static void CheckCores(FindingList findings)
    {
        double? quota = ContainerLimits.Read().Processors;
        findings.Add(
            Section,
            "cores",
            DoctorStatus.Ok,
            string.Create(CultureInfo.InvariantCulture, $"{PhysicalCores.Count} physical, {Environment.ProcessorCount} hardware threads for this process{(quota is null ? "" : $", container quota of {quota:0.##}")}"));
    }

    private static void CheckMemory(FindingList findings)
    {
        FreeMemory memory = FreeMemory.Read();
        long? limit = ContainerLimits.Read().MemoryBytes;
        findings.Add(
            Section,
            "memory",
            DoctorStatus.Ok,
            $"{FreeMemory.Text(memory.FreeBytes)} of {FreeMemory.Text(memory.TotalBytes)} free{(limit is { } bytes ? $", container limit of {FreeMemory.Text(bytes)}" : "")}");
    }
}
