using System.Text.Json;
using M2UGen.Parity;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests;

/// <summary>The runner as it is called from a shell: exit codes and the JSON file.</summary>
public sealed class ParityCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-command-").FullName;

    [Fact]
    public async Task RunAsync_GoodCase_EndsWithZeroAndWritesJson()
    {
        string json = Path.Combine(folder, "result.json");
        Assert.Equal(0, await ParityCommand.RunAsync([Repository.Golden("musicgen-delay"), "--json", json]));

        using JsonDocument result = JsonDocument.Parse(await File.ReadAllBytesAsync(json));
        Assert.True(result.RootElement.GetProperty("passed").GetInt32() > 0);
        Assert.Equal(0, result.RootElement.GetProperty("failed").GetInt32());
        Assert.Equal("musicgen-delay", result.RootElement.GetProperty("cases")[0].GetProperty("kind").GetString());
    }

    [Fact]
    public async Task RunAsync_MissingTensorFile_EndsWithOne()
    {
        // The case's inputs are not copied: a missing file is a failure, not a skip.
        File.Copy(Path.Combine(Repository.Golden("musicgen-delay"), "case.json"), Path.Combine(folder, "case.json"));
        Assert.Equal(1, await ParityCommand.RunAsync([folder]));
    }

    [Fact]
    public async Task RunAsync_KindThatNoCaseHas_EndsWithOne() =>
        Assert.Equal(1, await ParityCommand.RunAsync([Repository.Golden("musicgen-delay"), "--kind", "musicgen-dealy"]));

    [Fact]
    public async Task RunAsync_LaterKind_SkipsAndEndsWithZero()
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "case.json"), """{"kind":"vggish"}""");
        Assert.Equal(0, await ParityCommand.RunAsync([folder]));
    }

    [Fact]
    public async Task RunAsync_NoFolder_EndsWithTwo() => Assert.Equal(2, await ParityCommand.RunAsync([]));

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
