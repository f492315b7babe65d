using M2UGen.Export.Bundles;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Tests.Bundles;

public sealed class TargetDirectoryTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-target-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Check_FileInTheWay_IsRefused()
    {
        string path = Write("taken");

        Assert.Throws<ExportException>(() => TargetDirectory.Check(path, force: true, []));
    }

    [Fact]
    public void Check_RootOfTheFileSystem_IsRefused()
        => Assert.Throws<ExportException>(() => TargetDirectory.Check(Path.GetPathRoot(folder)!, force: true, []));

    [Fact]
    public void Check_DirectoryOfSomebodyElse_IsNotReplacedEvenWithForce()
    {
        Write("photos/summer.jpg");

        ExportException exception = Assert.Throws<ExportException>(() => TargetDirectory.Check(Path.Combine(folder, "photos"), force: true, []));

        Assert.Contains("holds no bundle", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OldBundle_NeedsForce()
    {
        Write($"old/{BundleManifest.FileName}");
        string old = Path.Combine(folder, "old");

        Assert.Contains("--force", Assert.Throws<ExportException>(() => TargetDirectory.Check(old, force: false, [])).Message, StringComparison.Ordinal);
        Assert.Equal(old, TargetDirectory.Check(old + Path.DirectorySeparatorChar, force: true, []));
    }

    [Fact]
    public void Check_BundleAmongSomebodyElsesFiles_IsNotReplacedEvenWithForce()
    {
        Write($"project/{BundleManifest.FileName}");
        Write("project/llama.onnx");
        Write("project/tokenizer-llama/tokenizer.model");
        string project = Path.Combine(folder, "project");
        Assert.Equal(project, TargetDirectory.Check(project, force: true, []));
        Write("project/thesis.tex");
        Write("project/src/main.c");

        ExportException exception = Assert.Throws<ExportException>(() => TargetDirectory.Check(project, force: true, []));

        Assert.Contains("src, thesis.tex", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_TargetAboveASource_IsRefused()
    {
        Write($"model/{BundleManifest.FileName}");
        string source = Write("model/parts/checkpoint.pth");

        Assert.Throws<ExportException>(() => TargetDirectory.Check(Path.Combine(folder, "model", "x", ".."), force: true, [source]));
    }

    [Fact]
    public void Create_MoreThanTheDiskHas_SaysHowMuchIsMissing()
    {
        string target = Path.Combine(folder, "bundle");

        ExportException exception = Assert.Throws<ExportException>(() => TargetDirectory.Create(target, force: false, long.MaxValue / 4));

        Assert.Contains("GB free", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Fact]
    public void Complete_WithForce_ReplacesTheOldBundleWhole()
    {
        Write($"bundle/{BundleManifest.FileName}", "old");
        Write("bundle/left-over.onnx");
        string target = Path.Combine(folder, "bundle");
        using (TargetDirectory directory = TargetDirectory.Create(target, force: true, 1))
        {
            File.WriteAllText(Path.Combine(directory.PartialPath, BundleManifest.FileName), "new");
            Assert.Equal("old", File.ReadAllText(Path.Combine(target, BundleManifest.FileName)));
            directory.Complete();
        }

        Assert.Equal("new", File.ReadAllText(Path.Combine(target, BundleManifest.FileName)));
        Assert.Single(Directory.EnumerateFileSystemEntries(target));
        Assert.Equal(["bundle"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Complete_TwoReplacingTheSame_LeavesTheLastAndNothingElse()
    {
        Write($"bundle/{BundleManifest.FileName}", "old");
        string target = Path.Combine(folder, "bundle");
        using TargetDirectory first = TargetDirectory.Create(target, force: true, 1);
        using TargetDirectory second = TargetDirectory.Create(target, force: true, 1);
        File.WriteAllText(Path.Combine(first.PartialPath, BundleManifest.FileName), "first");
        File.WriteAllText(Path.Combine(second.PartialPath, BundleManifest.FileName), "second");

        Assert.Null(first.Complete());
        Assert.Null(second.Complete());

        Assert.Equal("second", File.ReadAllText(Path.Combine(target, BundleManifest.FileName)));
        Assert.Equal(["bundle"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Complete_TargetFilledMeanwhile_KeepsWhatIsThere()
    {
        string target = Path.Combine(folder, "bundle");
        using (TargetDirectory directory = TargetDirectory.Create(target, force: false, 1))
        {
            Write("bundle/somebody-elses");
            Assert.ThrowsAny<IOException>(directory.Complete);
        }

        Assert.True(File.Exists(Path.Combine(target, "somebody-elses")));
        Assert.Equal(["bundle"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName));
    }

    private string Write(string name, string content = "")
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }
}
