using System.Diagnostics;
using M2UGen.Sdk.Media;

namespace M2UGen.Sdk.Tests.Media;

/// <summary>Pipes and devices by name, as Unix has them.</summary>
public sealed class NamedFileTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31))];
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [UnixFact]
    public async Task Pipe_ReadSeveralTimes_GivesEveryByteEachTime()
    {
        string path = MakePipe();
        MediaSource source = MediaSource.FromFile(path);
        Task writing = Task.Run(() => File.WriteAllBytesAsync(path, Content));

        // As sound that is no WAV is read: its head is looked at, then ffmpeg gets all of it as a file.
        byte[] head = new byte[12];
        using (Stream stream = await source.OpenReadAsync(Content.Length, CancellationToken.None))
        {
            await stream.ReadExactlyAsync(head);
        }

        using (MediaFile file = await source.OpenFileAsync(Content.Length, CancellationToken.None))
        {
            Assert.NotEqual(path, file.Path);
            Assert.Equal(Content, await File.ReadAllBytesAsync(file.Path));
        }

        await writing;
        Assert.Equal(Content[..12], head);
        Assert.Equal(Content, (await source.ReadBytesAsync(Content.Length, CancellationToken.None)).ToArray());
    }

    [UnixFact]
    public async Task Pipe_OfMoreThanIsAllowed_IsRefusedByName()
    {
        string path = MakePipe();
        Task writing = Task.Run(() => File.WriteAllBytesAsync(path, Content));

        MediaSource source = MediaSource.FromFile(path);
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => source.OpenFileAsync(100_000, CancellationToken.None));

        Assert.Equal(path, error.Path);
        Assert.Contains("MediaOptions.MaxFileBytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(Content, (await source.ReadBytesAsync(Content.Length, CancellationToken.None)).ToArray());
        await writing;
    }

    [UnixFact]
    public async Task Pipe_WithoutAWriter_IsGivenUp()
    {
        string path = MakePipe();

        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => NamedFile.OpenAsync(path, TimeSpan.FromMilliseconds(50), CancellationToken.None));
        Assert.Contains("nothing came out of this pipe", error.Message, StringComparison.Ordinal);

        using CancellationTokenSource soon = new(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NamedFile.OpenAsync(path, TimeSpan.FromMinutes(1), soon.Token));

        // Somebody who comes late lets the threads go that still wait.
        await File.WriteAllBytesAsync(path, []);
    }

    [UnixFact]
    public async Task Pipe_WhoseWriterIsSilent_IsGivenUpAndGoesOn()
    {
        string path = MakePipe();
        using FileStream writer = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        FileStream reader = await NamedFile.OpenAsync(path, TimeSpan.FromMinutes(1), CancellationToken.None);
        KeptStream kept = new(reader, TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAsync<MediaFormatException>(() => kept.ReadAsync(100, CancellationToken.None));
        writer.Write([1, 2, 3]);
        writer.Dispose();

        Assert.Equal([1, 2, 3], (await kept.ReadAsync(100, CancellationToken.None)).ToArray());
    }

    [UnixFact]
    public async Task Device_WithoutALength_IsRefused()
    {
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => MediaSource.FromFile("/dev/zero").ReadBytesAsync(5, CancellationToken.None));

        Assert.Contains("device", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EmptyFile_IsNoDevice()
    {
        string path = Path.Combine(_folder, "empty");
        await File.WriteAllBytesAsync(path, []);

        Assert.Empty((await MediaSource.FromFile(path).ReadBytesAsync(5, CancellationToken.None)).ToArray());
    }

    private string MakePipe()
    {
        string path = Path.Combine(_folder, "pipe");
        using Process process = Process.Start("mkfifo", [path]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return path;
    }
}
