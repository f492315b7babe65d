using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Tests.Runtime;

public sealed class ContainerLimitsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("m2ugen-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Read_Version2_TakesTheTightestGroupAround()
    {
        Write("proc/self/cgroup", "0::/pods/one\n");
        Write("sys/fs/cgroup/pods/one/cpu.max", "max 100000\n");
        Write("sys/fs/cgroup/pods/one/memory.max", "4294967296\n");
        Write("sys/fs/cgroup/pods/cpu.max", "150000 100000\n");
        Write("sys/fs/cgroup/pods/memory.max", "2147483648\n");

        Assert.Equal(new ContainerLimits(1.5, 1L << 31), ContainerLimits.Read(_root));
    }

    [Fact]
    public void Read_Version1_ReadsQuotaAndLimit()
    {
        Write("proc/self/cgroup", "4:memory:/job\n3:cpuset:/\n1:cpu,cpuacct:/job\n");
        Write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000000000\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
        Write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");

        Assert.Equal(new ContainerLimits(0.5, 1_000_000_000), ContainerLimits.Read(_root));
    }

    [Theory]
    [InlineData("max", "max 100000")]
    [InlineData("9223372036854771712", "-1 100000")]
    [InlineData("many", "100000")]
    [InlineData("", "100000 0")]
    public void Read_NoLimitOrNonsense_IsNone(string memory, string quota)
    {
        Write("proc/self/cgroup", "0::/\nnonsense\n");
        Write("sys/fs/cgroup/memory.max", memory);
        Write("sys/fs/cgroup/cpu.max", quota);

        Assert.Equal(new ContainerLimits(null, null), ContainerLimits.Read(_root));
    }

    [Fact]
    public void Read_NoSuchFiles_IsNone() => Assert.Equal(new ContainerLimits(null, null), ContainerLimits.Read(_root));

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
