using M2UGen.Sdk.Media;
using M2UGen.Sdk.Tests.Media.Audio;

namespace M2UGen.Sdk.Tests.Media;

public sealed class MediaSourceTests
{
    private static readonly byte[] Content = [1, 2, 3, 4, 5];

    public static TheoryData<string> Kinds => ["bytes", "stream", "pipe"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Source_IsReadAgainAndAgain(string kind)
    {
        MediaSource source = Make(kind);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(Content, (await source.ReadBytesAsync(5, CancellationToken.None)).ToArray());
        }

        using Stream stream = await source.OpenReadAsync(5, CancellationToken.None);
        Assert.Equal(Content, Rest(stream));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Source_OverTheLimit_IsRefusedAndReadableWithAHigherOne(string kind)
    {
        MediaSource source = Make(kind);
        for (int i = 0; i < 2; i++)
        {
            MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => source.ReadBytesAsync(4, CancellationToken.None));
            Assert.Contains("MediaOptions.MaxFileBytes", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(Content, (await source.ReadBytesAsync(5, CancellationToken.None)).ToArray());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task BytesAndStreams_BecomeAFileThatIsDeletedAfterUse(string kind)
    {
        string path;
        using (MediaFile file = await Make(kind).OpenFileAsync(5, CancellationToken.None))
        {
            path = file.Path;
            Assert.True(Path.IsPathFullyQualified(path));
            Assert.Equal(Content, await File.ReadAllBytesAsync(path));
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task File_StaysAndNamesItselfWhenRefused()
    {
        string path = Path.Combine(Path.GetTempPath(), $"m2ugen-{Guid.NewGuid():N}.bin");
        try
        {
            await File.WriteAllBytesAsync(path, Content);
            MediaSource source = MediaSource.FromFile(path);
            using (MediaFile file = await source.OpenFileAsync(5, CancellationToken.None))
            {
                Assert.Equal(path, file.Path);
            }

            Assert.Equal(Content, (await source.ReadBytesAsync(5, CancellationToken.None)).ToArray());
            Assert.Equal(path, (await Assert.ThrowsAsync<MediaFormatException>(() => source.ReadBytesAsync(4, CancellationToken.None))).Path);
            Assert.Equal(path, (await Assert.ThrowsAsync<MediaFormatException>(() => source.OpenFileAsync(4, CancellationToken.None))).Path);
        }
        finally
        {
            File.Delete(path);
        }

        await Assert.ThrowsAsync<FileNotFoundException>(() => MediaSource.FromFile(path).OpenFileAsync(5, CancellationToken.None));
    }

    [Fact]
    public async Task Directory_IsRefusedAsOne()
    {
        string path = Path.GetTempPath();
        foreach (Func<MediaSource, Task> use in (Func<MediaSource, Task>[])[s => s.ReadBytesAsync(5, default), s => s.OpenReadAsync(5, default), s => s.OpenFileAsync(5, default)])
        {
            MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => use(MediaSource.FromFile(path)));
            Assert.Contains("is a directory", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task CancelledRead_GoesOnWhereItStopped()
    {
        MediaSource source = Make("pipe");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.ReadBytesAsync(5, new CancellationToken(canceled: true)));
        Assert.Equal(Content, (await source.ReadBytesAsync(5, CancellationToken.None)).ToArray());
    }

    private static MediaSource Make(string kind) => kind switch
    {
        "bytes" => MediaSource.FromBytes(Content),
        "stream" => MediaSource.FromStream(new MemoryStream(Content)),
        _ => MediaSource.FromStream(new PipeLikeStream(Content)),
    };

    private static byte[] Rest(Stream stream)
    {
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
