using System.Buffers.Binary;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Tests.Runtime;

public sealed class PhysicalCoresTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("m2ugen-sysfs-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Count_ThisMachine_IsWithinTheProcessors() => Assert.InRange(PhysicalCores.Count, 1, Environment.ProcessorCount);

    [Fact]
    public void CountCores_TwoThreadsACore_CountsCores()
    {
        Allow("0-7");
        for (int processor = 0; processor < 8; processor++)
        {
            Siblings(processor, "core_cpus_list", $"{processor % 4},{(processor % 4) + 4}");
        }

        Assert.Equal(4, SysfsTopology.CountCores(_root));
    }

    [Fact]
    public void CountCores_AffinityOfThreeThreads_CountsTheirTwoCores()
    {
        Allow("0-1,4");
        for (int processor = 0; processor < 8; processor++)
        {
            Siblings(processor, "core_cpus_list", $"{processor % 4},{(processor % 4) + 4}");
        }

        Assert.Equal(2, SysfsTopology.CountCores(_root));
    }

    [Fact]
    public void CountCores_KernelBefore52_ReadsTheOldName()
    {
        Allow("0-3");
        for (int processor = 0; processor < 4; processor++)
        {
            Siblings(processor, "thread_siblings_list", processor < 2 ? "0-1" : "2-3");
        }

        Assert.Equal(2, SysfsTopology.CountCores(_root));
    }

    [Fact]
    public void CountCores_OneProcessorUndescribed_SaysNothing()
    {
        Allow("0-1");
        Siblings(0, "core_cpus_list", "0");
        Assert.Null(SysfsTopology.CountCores(_root));
    }

    [Fact]
    public void CountCores_NoSuchFiles_SaysNothing() => Assert.Null(SysfsTopology.CountCores(_root));

    [Theory]
    [InlineData("0-3,8", new[] { 0, 1, 2, 3, 8 })]
    [InlineData("5", new[] { 5 })]
    [InlineData("", new int[0])]
    [InlineData("3-1", null)]
    [InlineData("0-1-2", null)]
    [InlineData("-1", null)]
    [InlineData("all", null)]
    [InlineData("0-4000000000", null)]
    [InlineData("0-99999999", null)]
    public void ParseList_AnyText_GivesNumbersOrNothing(string text, int[]? expected) => Assert.Equal(expected, SysfsTopology.ParseList(text));

    [Theory]
    [InlineData(4, 8, 4)]
    [InlineData(4, 2, 2)]
    [InlineData(0, 8, 8)]
    [InlineData(null, 8, 8)]
    public void Limit_CoresAndProcessors_NeverExceedsEither(int? cores, int processors, int expected) => Assert.Equal(expected, PhysicalCores.Limit(cores, processors));

    [Fact]
    public void CountRecords_CoresAmongOthers_CountsCoresAlone() =>
        Assert.Equal(2, PhysicalCores.CountRecords([.. Record(0, 48), .. Record(2, 32), .. Record(0, 48)]));

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(4096)]
    [InlineData(-8)]
    public void CountRecords_SizeThatMakesNoSense_SaysNothing(int size) => Assert.Null(PhysicalCores.CountRecords(Record(0, 16, size)));

    private static byte[] Record(int relationship, int length, int? size = null)
    {
        byte[] record = new byte[length];
        BinaryPrimitives.WriteInt32LittleEndian(record, relationship);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), size ?? length);
        return record;
    }

    private void Allow(string list)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "proc", "self")).FullName;
        File.WriteAllText(Path.Combine(folder, "status"), $"Name:\ttest\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\n");
    }

    private void Siblings(int processor, string file, string list)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "sys", "devices", "system", "cpu", $"cpu{processor}", "topology")).FullName;
        File.WriteAllText(Path.Combine(folder, file), list + "\n");
    }
}
