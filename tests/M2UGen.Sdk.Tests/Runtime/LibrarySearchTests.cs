using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Tests.Runtime;

public sealed class LibrarySearchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-search-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Candidates_EveryPlace_InTheLoadersOrderWithoutRepetition()
    {
        string native = Directory.CreateDirectory(Path.Combine(_folder, "runtimes", "linux-x64", "native")).FullName;
        File.WriteAllText(Path.Combine(native, "libx.so"), "");
        string host = string.Join(Path.PathSeparator, Path.Combine(_folder, "host"), _folder + Path.DirectorySeparatorChar, "");

        IReadOnlyList<LibraryCandidate> found = LibrarySearch.Candidates("libx.so", _folder, "linux-x64", host, Path.Combine(_folder, "variable"), "the system");

        Assert.Equal(
            [
                new LibraryCandidate(Path.Combine(_folder, "host", "libx.so"), false),
                new LibraryCandidate(Path.Combine(_folder, "libx.so"), false),
                new LibraryCandidate(Path.Combine(native, "libx.so"), true),
                new LibraryCandidate(Path.Combine(_folder, "variable", "libx.so"), false),
                new LibraryCandidate("the system", null),
            ],
            found);
    }

    [Fact]
    public void Describe_ThisProcess_NamesTheLoadedFileWithoutTheManagedHalf()
    {
        NativeLibraryFacts facts = new NativeRuntime().Describe();

        Assert.Null(facts.Problem);
        Assert.Equal(OnnxRuntimeHost.Version, facts.Version);
        Assert.Contains(facts.Candidates, candidate => candidate.Exists == true);
        Assert.True(facts.Path is null || File.Exists(facts.Path));
    }

    [Fact]
    public void CheckSession_TheProcessor_MakesOne() => new NativeRuntime().CheckSession(new RuntimeOptions());

    [Fact]
    public void Names_ThisProcessor_AreKnown()
    {
        Assert.NotEmpty(ProcessorFeatures.Name);
        Assert.Equal(System.Runtime.Intrinsics.X86.Avx2.IsSupported, ProcessorFeatures.Names.Contains("AVX2"));
    }

    [Fact]
    public void Read_FreeMemory_IsWithinTheTotal()
    {
        FreeMemory memory = FreeMemory.Read();
        Assert.InRange(memory.FreeBytes, 1, memory.TotalBytes);
    }
}
