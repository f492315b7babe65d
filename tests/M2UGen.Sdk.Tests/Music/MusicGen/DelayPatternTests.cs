using System.Text.Json;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class DelayPatternTests
{
    private const int Pad = 2048;

    [Fact]
    public void Pattern_EveryGoldenRow_EqualsTheReference()
    {
        string folder = Repository.Golden("musicgen-delay");
        GoldenTensors inputs = new(Path.Combine(folder, "inputs.safetensors"));
        GoldenTensors expected = new(Path.Combine(folder, "expected.safetensors"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json")));
        long pad = json.RootElement.GetProperty("pad_token_id").GetInt64();
        int errors = 0;
        foreach (JsonElement row in json.RootElement.GetProperty("rows").EnumerateArray())
        {
            string name = row.GetProperty("name").GetString()!;
            if (row.TryGetProperty("error", out _))
            {
                string[] parts = name.Split("_l");
                int frames = int.Parse(parts[0].AsSpan(1), System.Globalization.CultureInfo.InvariantCulture);
                int length = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
                Assert.Throws<ArgumentException>(() => new DelayPattern(4, 1, pad, new long[4 * (frames + 1)], frames + 1, length));
                errors++;
                continue;
            }

            int promptLength = inputs.Shape($"{name}/prompt")[1];
            DelayPattern pattern = new(4, 1, pad, inputs.Int64($"{name}/prompt"), promptLength, row.GetProperty("max_length").GetInt32());
            Assert.Equal(expected.Int64($"{name}/start"), pattern.BuildStartIds());
            Assert.Equal(expected.Int64($"{name}/mask"), pattern.BuildMask());
            long[] ids = inputs.Int64($"{name}/filled");
            pattern.Apply(ids, pattern.Length);
            Assert.Equal(expected.Int64($"{name}/applied"), ids);
            Assert.Equal(expected.Int64($"{name}/frames"), pattern.Remove(ids, pattern.Length));
            Assert.Equal((int)row.GetProperty("frames").GetDouble(), pattern.FrameCount);
        }

        Assert.Equal(2, errors);
    }

    [Fact]
    public void Forced_Stereo_DelaysBothChannelsOfACodebookAlike()
    {
        DelayPattern pattern = Pattern(codebooks: 8, channels: 2, frames: 0, length: 9);
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3], Enumerable.Range(0, 8).Select(pattern.DelayOf));
        Assert.Equal(3, pattern.MaxDelay);
        Assert.True(Pattern(8, 2, 0, 7).IsDelayed);
        Assert.False(Pattern(8, 2, 0, 6).IsDelayed);
    }

    [Theory]
    [InlineData(4, 1, 0, 20)]
    [InlineData(4, 1, 5, 20)]
    [InlineData(8, 2, 5, 20)]
    [InlineData(3, 1, 2, 9)]
    [InlineData(4, 1, 2, 6)]
    [InlineData(1, 1, 0, 4)]
    public void Forced_StepByStep_GivesTheSameFramesAsTheWholePattern(int codebooks, int channels, int frames, int length)
    {
        DelayPattern pattern = Pattern(codebooks, channels, frames, length);
        long[] start = pattern.BuildStartIds();
        long[] ids = new long[codebooks * length];
        for (int row = 0; row < codebooks; row++)
        {
            start.AsSpan(row * pattern.StartLength, pattern.StartLength).CopyTo(ids.AsSpan(row * length));
        }

        long[] step = new long[codebooks];
        for (int position = pattern.StartLength; position < length; position++)
        {
            for (int row = 0; row < codebooks; row++)
            {
                step[row] = 1000 + (10 * position) + row;
            }

            Step(pattern, position, step);
            for (int row = 0; row < codebooks; row++)
            {
                ids[(row * length) + position] = step[row];
            }
        }

        long[] codes = pattern.Remove(ids, length);
        Assert.Equal(codebooks * pattern.FrameCount, codes.Length);
        Assert.Equal(pattern.FrameCount, pattern.CompleteFrames(length));
        for (int i = 0; i < codes.Length; i++)
        {
            int row = i / pattern.FrameCount;
            int frame = i % pattern.FrameCount;
            int position = 1 + frame + pattern.DelayOf(row);
            Assert.Equal(frame, pattern.FrameAt(row, position));
            Assert.Equal(ids[(row * length) + position], codes[i]);
            if (frame < frames)
            {
                Assert.Equal((row * (frames + 1)) + frame + 1, codes[i]);
            }
        }
    }

    [Fact]
    public void Forced_InTheLoop_AllocatesNothing()
    {
        DelayPattern pattern = Pattern(4, 1, 3, 200);
        long[] step = new long[4];
        Step(pattern, 4, step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int position = 4; position < 200; position++)
        {
            Step(pattern, position, step);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>One step of the loop: the predictions of one position, what the pattern forces in their place.</summary>
    private static void Step(DelayPattern pattern, int position, Span<long> ids)
    {
        for (int row = 0; row < pattern.Rows; row++)
        {
            long forced = pattern.Forced(row, position);
            ids[row] = forced == DelayPattern.Free ? ids[row] : forced;
        }
    }

    [Fact]
    public void Constructor_NumbersThatDoNotFit_Throws()
    {
        Assert.Throws<ArgumentException>(() => new DelayPattern(5, 2, Pad, new long[5], 1, 20));
        Assert.Throws<ArgumentException>(() => new DelayPattern(4, 1, Pad, new long[5], 1, 20));
        Assert.Throws<ArgumentException>(() => new DelayPattern(4, 1, Pad, [0, 1, -1, 2], 1, 20));
        Assert.Throws<ArgumentException>(() => new DelayPattern(4, 1, Pad, new long[28], 7, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DelayPattern(0, 1, Pad, new long[4], 1, 20));
    }

    [Fact]
    public void Remove_RowsOfUnequalLength_Throws()
    {
        DelayPattern pattern = Pattern(2, 1, 0, 4);
        Assert.Throws<ArgumentException>(() => pattern.Remove([Pad, 1, 2, Pad, Pad, Pad, Pad, 3], 4));
    }

    private static DelayPattern Pattern(int codebooks, int channels, int frames, int length)
    {
        long[] prompt = new long[codebooks * (frames + 1)];
        for (int i = 0; i < prompt.Length; i++)
        {
            prompt[i] = i % (frames + 1) == 0 ? Pad : i;
        }

        return new DelayPattern(codebooks, channels, Pad, prompt, frames + 1, length);
    }
}
