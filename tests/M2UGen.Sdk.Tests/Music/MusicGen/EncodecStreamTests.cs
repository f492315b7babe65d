using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class EncodecStreamTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(40, 1)]
    [InlineData(40, 2)]
    public void Next_WhereverThePiecesEnd_GivesTheSamplesOfOneCall(int frames, int channels)
    {
        foreach (int reach in new[] { 0, 1, 2, 3 })
        {
            using FakeCodec codec = new(reach);
            CodeFrames codes = Codes(frames, rows: 2 * channels);
            float[] whole = codec.Decoder.Decode(codes, channels, CancellationToken.None);

            foreach (int step in new[] { 1, 2, 5, 7, 39 })
            {
                Assert.Equal(whole, Stream(codec.Decoder, codes, channels, step, maxFrames: 6));
            }
        }
    }

    [Fact]
    public void Next_BeforeAnythingIsCertain_GivesNothing()
    {
        using FakeCodec codec = new(reach: 2);
        using EncodecStream stream = codec.Decoder.Begin(Codes(10, rows: 2), channels: 1);

        Assert.Null(stream.Next(4, complete: false, 100, CancellationToken.None));
        Assert.Equal(2, stream.Next(5, complete: false, 100, CancellationToken.None)!.Length);
        Assert.Equal(1, stream.FramesDecoded);
    }

    [Fact]
    public void Next_AfterTheEnd_GivesNothing()
    {
        using FakeCodec codec = new(reach: 1);
        using EncodecStream stream = codec.Decoder.Begin(Codes(3, rows: 2), channels: 1);

        Assert.Equal(6, stream.Next(3, complete: true, 100, CancellationToken.None)!.Length);
        Assert.Null(stream.Next(3, complete: true, 100, CancellationToken.None));
    }

    [Fact]
    public void Decode_LongMusic_KeepsCallsShort()
    {
        using FakeCodec codec = new(reach: 3);
        CodeFrames codes = Codes(5000, rows: 2);

        codec.Decoder.Decode(codes, 1, CancellationToken.None);

        // A call may hold the neighbours of its frames on both sides as well.
        Assert.InRange(codec.LongestCall, 1, codec.Decoder.MaxFramesPerCall + (4 * 3));
    }

    [Fact]
    public void Decode_Stereo_TakesEvenRowsLeftAndOddRowsRight()
    {
        using FakeCodec codec = new(reach: 1);
        CodeFrames stereo = Codes(9, rows: 4);
        CodeFrames left = Rows(stereo, 0, 2);
        CodeFrames right = Rows(stereo, 1, 3);

        float[] planes = codec.Decoder.Decode(stereo, 2, CancellationToken.None);

        Assert.Equal([.. codec.Decoder.Decode(left, 1, CancellationToken.None), .. codec.Decoder.Decode(right, 1, CancellationToken.None)], planes);
    }

    [Fact]
    public void Begin_RowsThatAreNoWholePiece_IsRefused()
    {
        using FakeCodec codec = new(reach: 1);

        Assert.Throws<ArgumentException>(() => codec.Decoder.Begin(Codes(4, rows: 3), channels: 1));
    }

    [Fact]
    public void Dispose_OfStreams_LeavesNoRunAlive()
    {
        using FakeCodec codec = new(reach: 1);
        codec.Decoder.Decode(Codes(4, rows: 2), 1, CancellationToken.None);

        Assert.Equal(0, codec.Model.LiveRuns);
    }

    private static float[] Stream(EncodecDecoder decoder, CodeFrames codes, int channels, int step, int maxFrames)
    {
        using EncodecStream stream = decoder.Begin(codes, channels);
        List<float>[] planes = [.. Enumerable.Range(0, stream.Planes).Select(_ => new List<float>())];
        for (int available = Math.Min(step, codes.Count); ; available = Math.Min(available + step, codes.Count))
        {
            bool complete = available == codes.Count;
            while (stream.Next(available, complete, maxFrames, CancellationToken.None) is { } piece)
            {
                int count = piece.Length / planes.Length;
                for (int plane = 0; plane < planes.Length; plane++)
                {
                    planes[plane].AddRange(piece.AsSpan(plane * count, count));
                }
            }

            if (complete)
            {
                return [.. planes.SelectMany(plane => plane)];
            }
        }
    }

    private static CodeFrames Codes(int frames, int rows)
    {
        CodeFrames codes = new(rows, frames) { Count = frames };
        for (int row = 0; row < rows; row++)
        {
            for (int frame = 0; frame < frames; frame++)
            {
                codes[row, frame] = ((frame * 17) + (row * 29) + (frame * frame)) % 50;
            }
        }

        return codes;
    }

    private static CodeFrames Rows(CodeFrames codes, params int[] rows) =>
        CodeFrames.From([.. rows.SelectMany(row => codes.Row(row, 0, codes.Count).ToArray())], rows.Length);
}
