using System.Buffers.Binary;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class WavWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-wav").FullName;

    private string Target => Path.Combine(_folder, "out.wav");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(WavEncoding.Pcm8, 1 / 128.0)]
    [InlineData(WavEncoding.Pcm16, 1 / 32768.0)]
    [InlineData(WavEncoding.Pcm24, 1 / 8388608.0)]
    [InlineData(WavEncoding.Pcm32, 1e-7)]
    [InlineData(WavEncoding.Float32, 0)]
    [InlineData(WavEncoding.Float64, 0)]
    public async Task SaveAsync_EveryEncoding_ReadsBack(WavEncoding encoding, double step)
    {
        float[] samples = [.. Enumerable.Range(0, 333).Select(i => MathF.Sin(i * 0.37f) * 0.9f)];
        AudioClip clip = AudioClip.FromSamples(samples, 22050, 3);
        await clip.SaveAsync(Target, new WavOptions { Encoding = encoding, Comment = "naïve ♪" });
        AudioClip read = await AudioClip.LoadAsync(Target);
        Assert.Equal((22050, 3, 111), (read.SampleRate, read.Channels, read.SampleCount));
        Assert.Equal("naïve ♪", read.Comment);
        M2UGen.Testing.Near.Equal(samples, read.Samples.Span, step / 2 + 1e-9);
        Assert.Equal(["out.wav"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task SaveAsync_Integers_RoundsHalfToEvenAndClips()
    {
        AudioClip clip = AudioClip.FromSamples([0.5f / 32768, 1.5f / 32768, -0.5f / 32768, 2f, -2f, 1f, float.NaN], 8000);
        await clip.SaveAsync(Target);
        byte[] bytes = await File.ReadAllBytesAsync(Target);
        short[] stored = [.. Enumerable.Range(0, 7).Select(i => BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(44 + (2 * i))))];
        Assert.Equal([0, 2, 0, 32767, -32768, 32767, 0], stored);
        Assert.Equal(2f, clip.Samples.Span[3]);
    }

    [Fact]
    public async Task SaveAsync_KnownLength_WritesThePlainHeader()
    {
        using MemoryStream stream = new();
        await AudioClip.FromSamples([0.25f], 32000).SaveAsync(stream);
        Assert.Equal(
            "52494646" + "26000000" + "57415645" + "666D742010000000" + "01000100007D000000FA000002001000" + "64617461020000000020",
            Convert.ToHexString(stream.ToArray()));
    }

    [Fact]
    public async Task WriteAsync_InPieces_EqualsOneSave()
    {
        float[] samples = [.. Enumerable.Range(0, 200_001).Select(i => (i % 100) / 100f)];
        await using (WavWriter writer = WavWriter.Create(Target, new WavFormat(8000, 1, WavEncoding.Pcm24)))
        {
            await writer.WriteAsync(samples.AsMemory(0, 7));
            Assert.False(File.Exists(Target));
            await writer.WriteAsync(samples.AsMemory(7));
            Assert.Equal(200_001, writer.SampleCount);
            Assert.Equal(TimeSpan.FromSeconds(200_001 / 8000.0), writer.Duration);
            writer.Comment = "said last";
            await writer.CompleteAsync();
        }

        AudioClip read = await AudioClip.LoadAsync(Target);
        M2UGen.Testing.Near.Equal(samples, read.Samples.Span, 1e-7);
        Assert.Equal("said last", read.Comment);
    }

    [Fact]
    public async Task Dispose_BeforeComplete_LeavesTheOldFile()
    {
        await File.WriteAllTextAsync(Target, "old");
        await using (WavWriter writer = WavWriter.Create(Target, new WavFormat(8000, 1)))
        {
            await writer.WriteAsync(new float[100]);
        }

        using (WavWriter writer = WavWriter.Create(Target, new WavFormat(8000, 1)))
        {
        }

        Assert.Equal("old", await File.ReadAllTextAsync(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task SaveAsync_Cancelled_LeavesNothing()
    {
        using CancellationTokenSource source = new();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AudioClip.FromSamples(new float[10], 8000).SaveAsync(Target, source.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task WriteAsync_AfterCancelledWrite_Refuses()
    {
        await using WavWriter writer = WavWriter.Create(Target, new WavFormat(8000, 1));
        await writer.WriteAsync(new float[8]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await writer.WriteAsync(new float[8], new CancellationToken(canceled: true)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.CompleteAsync());
    }

    [Fact]
    public async Task CompleteAsync_BeyondTheLimit_BecomesRF64()
    {
        float[] samples = [.. Enumerable.Range(0, 500).Select(i => i / 500f)];
        using MemoryStream stream = new();
        await using (WavWriter writer = WavWriter.Create(stream, new WavLayout(new WavFormat(8000, 2, WavEncoding.Float32), expectedDataBytes: null, limit: 1000)))
        {
            await writer.WriteAsync(samples);
            await writer.CompleteAsync();
        }

        byte[] bytes = stream.ToArray();
        Assert.True(bytes.AsSpan().StartsWith("RF64"u8));
        Assert.True(bytes.AsSpan(12).StartsWith("ds64"u8));
        Assert.Equal(bytes.Length - 8, BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(20)));
        Assert.Equal(2000, BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(28)));
        Assert.Equal(250, BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(36)));
        Assert.Equal(samples, (await AudioClip.LoadAsync(new MemoryStream(bytes))).Samples.ToArray());
    }

    [Fact]
    public async Task CompleteAsync_StreamThatCannotSeek_MarksSizesUnknown()
    {
        using ForwardStream stream = new();
        await AudioClip.FromSamples([0.5f, -0.5f], 8000).SaveAsync(stream);
        byte[] bytes = stream.Written;
        Assert.Equal(uint.MaxValue, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)));
        AudioClip read = await AudioClip.LoadAsync(new MemoryStream(bytes));
        Assert.Equal([0.5f, -0.5f], read.Samples.ToArray());
    }

    [Fact]
    public void Create_CompandedFormat_Refuses() => Assert.Throws<ArgumentException>(() => WavWriter.Create(Target, new WavFormat(8000, 1, WavEncoding.MuLaw)));

    [Fact]
    public async Task WriteAsync_PartOfAFrame_Refuses()
    {
        await using WavWriter writer = WavWriter.Create(Target, new WavFormat(8000, 2));
        await Assert.ThrowsAsync<ArgumentException>(async () => await writer.WriteAsync(new float[3]));
    }

    private sealed class ForwardStream : Stream
    {
        private readonly MemoryStream _inner = new();

        public byte[] Written => _inner.ToArray();

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => _inner.Write(buffer, offset, count);
    }
}
