using System.Buffers.Binary;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class WavReaderTests
{
    [Fact]
    public async Task LoadAsync_LongerThanAllowed_SaysWhichLimit()
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", new byte[500]));
        MediaOptions options = new() { MaxDuration = TimeSpan.FromSeconds(4) };
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(new MemoryStream(file), options));
        Assert.Contains("5 s long; 4 s are allowed", error.Message, StringComparison.Ordinal);
        Assert.Equal(500, (await AudioClip.LoadAsync(new MemoryStream(file))).SampleCount);
    }

    [Fact]
    public async Task LoadAsync_MoreMemoryThanAllowed_SaysWhichLimit()
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", new byte[500]));
        MediaOptions options = new() { MaxDecodedBytes = 1999 };
        Assert.Contains("2000 bytes; 1999", (await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(new MemoryStream(file), options))).Message, StringComparison.Ordinal);
        Assert.Contains("MaxDecodedBytes", (await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(new PipeLikeStream(file), options))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(uint.MaxValue)]
    public async Task LoadAsync_SizesNeverPatched_ReadsToTheEnd(uint size)
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", [128, 0, 64]));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4), size);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(40), size);
        AudioClip clip = await AudioClip.LoadAsync(new MemoryStream(file[..47]));
        Assert.Equal([0f, -1f, -0.5f], clip.Samples.ToArray());
    }

    [Fact]
    public async Task LoadAsync_EmptyDataBeforeOtherChunks_IsEmpty()
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", []), Chunk("cue ", new byte[20]));
        Assert.Equal(0, (await AudioClip.LoadAsync(new MemoryStream(file))).SampleCount);
    }

    [Theory]
    [InlineData("RF64")]
    [InlineData("BW64")]
    public async Task LoadAsync_LongSizes_TakesTheDataSizeFromThem(string form)
    {
        byte[] sizes = new byte[28];
        BinaryPrimitives.WriteInt64LittleEndian(sizes.AsSpan(8), 3);
        byte[] file = Wav(form, Chunk("ds64", sizes), Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", [0, 64, 128, 9, 9, 9]));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 10), uint.MaxValue);
        AudioClip clip = await AudioClip.LoadAsync(new MemoryStream(file));
        Assert.Equal([-1f, -0.5f, 0f], clip.Samples.ToArray());
    }

    [Fact]
    public async Task LoadAsync_LongSizesBeyondTheFile_ReadsWhatIsThere()
    {
        byte[] sizes = new byte[28];
        sizes.AsSpan().Fill(0xFF);
        byte[] file = Wav("RF64", Chunk("ds64", sizes), Chunk("fmt ", Format(1, 1, 100, 8)), Chunk("data", [0, 64]));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 6), uint.MaxValue);
        Assert.Equal(2, (await AudioClip.LoadAsync(new MemoryStream(file))).SampleCount);
    }

    [Theory]
    [InlineData(6, 0xD5, 8 / 32768f)]
    [InlineData(6, 0x55, -8 / 32768f)]
    [InlineData(6, 0x2A, -32256 / 32768f)]
    [InlineData(7, 0xFF, 0f)]
    [InlineData(7, 0x00, -32124 / 32768f)]
    [InlineData(7, 0x80, 32124 / 32768f)]
    public async Task LoadAsync_Companded_ExpandsAsG711(int tag, byte code, float expected)
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(tag, 1, 8000, 8)), Chunk("data", [code]));
        Assert.Equal(expected, (await AudioClip.LoadAsync(new MemoryStream(file))).Samples.Span[0]);
    }

    [Theory]
    [InlineData(1, 65535, 8000, 8)]
    [InlineData(1, 1, 0x7FFFFFFF, 16)]
    [InlineData(1, 1, 8000, 0)]
    [InlineData(1, 1, 8000, 40)]
    [InlineData(3, 1, 8000, 16)]
    [InlineData(0xFFFE, 1, 8000, 16)]
    public async Task LoadAsync_ImpossibleFormat_IsRefused(int tag, int channels, int rate, int bits)
    {
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(tag, channels, rate, bits)), Chunk("data", new byte[64]));
        await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(new MemoryStream(file)));
    }

    [Fact]
    public async Task LoadAsync_ManyEmptyChunks_EndsEarly()
    {
        byte[] file = Wav("RIFF", [.. Enumerable.Repeat(Chunk("none", []), 70000).SelectMany(c => c)]);
        Assert.Contains("65536 chunks", (await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(new MemoryStream(file)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadAsync_EveryTruncation_ReadsOrRefuses()
    {
        byte[] comment = InfoChunk.Write("text");
        byte[] file = Wav("RIFF", Chunk("fmt ", Format(1, 2, 8000, 16)), comment, Chunk("data", new byte[32]), comment);
        for (int length = 0; length < file.Length; length++)
        {
            try
            {
                AudioClip clip = await AudioClip.LoadAsync(new MemoryStream(file, 0, length));
                Assert.InRange(clip.SampleCount, 0, 8);
            }
            catch (MediaFormatException)
            {
                Assert.True(length < 44 + comment.Length);
            }
        }
    }

    private static byte[] Format(int tag, int channels, int rate, int bits)
    {
        byte[] format = new byte[16];
        int block = channels * ((bits + 7) / 8);
        BinaryPrimitives.WriteUInt16LittleEndian(format, (ushort)tag);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(2), (ushort)channels);
        BinaryPrimitives.WriteInt32LittleEndian(format.AsSpan(4), rate);
        BinaryPrimitives.WriteInt32LittleEndian(format.AsSpan(8), unchecked(rate * block));
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(12), (ushort)block);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(14), (ushort)bits);
        return format;
    }

    private static byte[] Chunk(string name, byte[] body)
    {
        byte[] chunk = new byte[8 + body.Length + (body.Length & 1)];
        System.Text.Encoding.ASCII.GetBytes(name, chunk);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), body.Length);
        body.CopyTo(chunk, 8);
        return chunk;
    }

    private static byte[] Wav(string form, params byte[][] chunks)
    {
        byte[] body = [.. "WAVE"u8, .. chunks.SelectMany(c => c)];
        return Chunk(form, body);
    }
}
