using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using M2UGen.Parity;

namespace M2UGen.TinyModel.Tests;

/// <summary>What the runner counts as a failure: it must not be possible to forget a tensor.</summary>
public sealed class ParityReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-report-").FullName;
    private readonly ExportCache exports = new();

    [Fact]
    public void Compare_WithinTolerance_Passes()
    {
        ParityReport report = Run(r => { r.Compare("a", [1f, 2.00005f], [2]); r.CompareExact("n", [7, 8], [1, 2]); });
        Assert.Equal((2, 0, 0), (report.Passed, report.Failed, report.Skipped));
    }

    [Fact]
    public void Compare_OtherValues_Fails() => AssertFails(r => r.Compare("a", [1f, 2.1f], [2]), "a");

    [Fact]
    public void Compare_NotANumber_Fails() => AssertFails(r => r.Compare("a", [1f, float.NaN], [2]), "a");

    [Fact]
    public void Compare_OtherShape_Fails() => AssertFails(r => r.Compare("a", [1f, 2f], [1, 2]), "a");

    [Fact]
    public void Compare_UnknownTensor_Fails() => AssertFails(r => r.Compare("b", [1f], [1]), "b");

    [Fact]
    public void Compare_FloatsWithIntegers_Fails() => AssertFails(r => r.Compare("n", [7f, 8f], [1, 2]), "n");

    [Fact]
    public void CompareExact_OneIdDiffers_Fails() => AssertFails(r => r.CompareExact("n", [7, 9], [1, 2]), "n");

    [Fact]
    public void CheckIds_PrefixOnly_Fails() => AssertFails(r => r.CheckIds("ids", [1, 2, 3], [1, 2]), "ids");

    [Fact]
    public void Close_TensorWithoutALine_Fails()
    {
        ParityReport report = Run(r => r.Skip("n", "because"));
        ParityResult left = Assert.Single(report.Results, r => r.Verdict == Verdict.Failed);
        Assert.Equal(("a", "not compared"), (left.Name, left.Detail));
    }

    [Fact]
    public void SkipAll_Pattern_LeavesComparedTensorsAlone()
    {
        ParityReport report = Run(r => { r.Compare("a", [1f, 2f], [2]); r.SkipAll("*", "because"); });
        Assert.Equal((1, 0, 1), (report.Passed, report.Failed, report.Skipped));
    }

    [Fact]
    public void RunCase_UnknownKind_Fails()
    {
        WriteCase();
        using ParityRunner runner = new(new ParityOptions());
        Assert.Equal(1, runner.RunCase(folder, CancellationToken.None)!.Failed);
    }

    [Fact]
    public void Run_FolderWithoutCases_Fails()
    {
        using ParityRunner runner = new(new ParityOptions { Folders = [folder] });
        Assert.Equal(1, Assert.Single(runner.Run(TextWriter.Null, CancellationToken.None)).Failed);
    }

    [Fact]
    public void FileOf_MissingFile_NamesIt()
    {
        WriteCase();
        using ParityCase c = new(folder, new ParityOptions(), exports);
        Assert.Contains("gone.bin", Assert.Throws<ParityException>(() => c.FileOf("checkpoint")).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        exports.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private void AssertFails(Action<ParityReport> body, string name) =>
        Assert.Contains(Run(body).Results, r => r.Name == name && r.Verdict == Verdict.Failed);

    private ParityReport Run(Action<ParityReport> body)
    {
        WriteCase();
        using ParityCase c = new(folder, new ParityOptions(), exports);
        ParityReport report = new(c);
        body(report);
        report.Close(interrupted: false);
        return report;
    }

    // Two tensors: a = [1, 2] float32, n = [[7, 8]] int64.
    private void WriteCase()
    {
        File.WriteAllText(Path.Combine(folder, "case.json"), """{"kind":"no-such-kind","files":{"checkpoint":"gone.bin"}}""");
        byte[] header = Encoding.UTF8.GetBytes("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[1,2],"data_offsets":[8,24]}}""");
        Array.Resize(ref header, (header.Length + 7) / 8 * 8);
        header.AsSpan().Replace((byte)0, (byte)' ');
        using FileStream file = File.Create(Path.Combine(folder, "expected.safetensors"));
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        file.Write(length);
        file.Write(header);
        file.Write(MemoryMarshal.AsBytes<float>([1f, 2f]));
        file.Write(MemoryMarshal.AsBytes<long>([7, 8]));
    }
}
