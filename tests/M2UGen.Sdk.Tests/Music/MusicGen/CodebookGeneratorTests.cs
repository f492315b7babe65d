using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

/// <summary>The token loop over a decoder that repeats what it was fed: code (fed + 1) mod vocabulary, further by the row of guidance.</summary>
public sealed class CodebookGeneratorTests
{
    [Fact]
    public void Step_DelayPattern_FeedsAndStoresEachCodeAtItsPlace()
    {
        using Harness harness = new(guided: false);

        harness.Run(new MusicGenWindow(0, 0, 9));

        // The start feeds 16 everywhere; a pad is fed until a codebook's delay is over, and behind its last frame.
        Assert.Equal([16, 0, 1, 2, 3, 4, 5, 16, 16], harness.Fed(0));
        Assert.Equal([16, 16, 16, 16, 0, 1, 2, 3, 4], harness.Fed(3));
        Assert.Equal(6, harness.Frames.Count);
        Assert.Equal([0, 1, 2, 3, 4, 5], harness.Frames.Row(0, 0, 6).ToArray());
        Assert.Equal([0, 1, 2, 3, 4, 5], harness.Frames.Row(3, 0, 6).ToArray());
    }

    [Fact]
    public void Step_WholeFrames_AreCountedWhenTheirLastCodeIsThere()
    {
        using Harness harness = new(guided: false);
        harness.Generator.Begin(new MusicGenWindow(0, 0, 9));
        List<int> counts = [];
        while (harness.Generator.Step(CancellationToken.None))
        {
            counts.Add(harness.Frames.Count);
        }

        Assert.Equal([0, 0, 0, 1, 2, 3, 4, 5, 6], counts);
    }

    [Fact]
    public void Step_TooShortForThePattern_HasNoDelay()
    {
        using Harness harness = new(guided: false);

        harness.Run(new MusicGenWindow(0, 0, 3));

        Assert.Equal(3, harness.Frames.Count);
        Assert.Equal([16, 0, 1], harness.Fed(3));
    }

    [Fact]
    public void Step_WithPrompt_FeedsItDelayedAndKeepsIt()
    {
        using Harness harness = new(guided: false);
        for (int row = 0; row < 4; row++)
        {
            harness.Frames[row, 2] = 5;
            harness.Frames[row, 3] = 9;
        }

        harness.Run(new MusicGenWindow(2, 2, 6));

        Assert.Equal([16, 5, 9, 10, 11, 12, 16, 16], harness.Fed(0));
        Assert.Equal([16, 16, 16, 16, 5, 9, 10, 11], harness.Fed(3));
        Assert.Equal([5, 9, 10, 11, 12], harness.Frames.Row(3, 2, 5).ToArray());
        Assert.Equal(7, harness.Frames.Count);
        Assert.Equal([0, 0], harness.Frames.Row(0, 0, 2).ToArray());
    }

    [Fact]
    public void Step_Guided_LeavesTheUnconditionalHalfBehind()
    {
        using Harness harness = new(guided: true);

        harness.Run(new MusicGenWindow(0, 0, 9));

        // Both rows prefer fed + 1; the unconditional one also likes fed + 2, which guidance takes away. Both are fed the same codes.
        Assert.Equal([0, 1, 2, 3, 4, 5], harness.Frames.Row(1, 0, 6).ToArray());
        Assert.Equal(harness.Fed(2), harness.Fed(2 + 4));
    }

    [Fact]
    public void Step_TracksOfUnequalLength_EachEndsByItselfAndIsFedPads()
    {
        using Harness harness = new(guided: true, pieces: 2);
        CodeFrames first = new(4, 60);
        CodeFrames second = new(4, 60);
        CodebookTrack[] tracks = [Track(harness, first), Track(harness, second)];
        CodebookGenerator generator = new(harness.Sequence, harness.Config, tracks);
        generator.Begin(new MusicGenWindow(0, 0, 9), new MusicGenWindow(0, 0, 12));
        List<(int, int)> counts = [];
        while (generator.Step(CancellationToken.None))
        {
            counts.Add((first.Count, second.Count));
        }

        Assert.Equal((12, (6, 9)), (counts.Count, counts[^1]));
        Assert.Equal((9, 12), (tracks[0].Steps, tracks[1].Steps));

        // Pads behind the last frame come at the track's own end, and go on to the other's; both halves of a piece are fed alike.
        Assert.Equal([16, 0, 1, 2, 3, 4, 5, 16, 16, 16, 16, 16], harness.Fed(0));
        Assert.Equal([16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 16], harness.Fed(4));
        Assert.Equal(harness.Fed(3), harness.Fed(3 + 8));
        Assert.Equal([0, 1, 2, 3, 4, 5], first.Row(3, 0, 6).ToArray());
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8], second.Row(3, 0, 9).ToArray());
    }

    [Fact]
    public void Begin_PassOfOneTrackAlone_LeavesTheOtherAsItIs()
    {
        using Harness harness = new(guided: false, pieces: 2);
        CodeFrames first = new(4, 60);
        CodeFrames second = new(4, 60);
        CodebookGenerator generator = new(harness.Sequence, harness.Config, Track(harness, first, 1), Track(harness, second, 1));
        generator.Begin(null, new MusicGenWindow(0, 0, 9));
        while (generator.Step(CancellationToken.None))
        {
        }

        Assert.Equal((0, 6), (first.Count, second.Count));
        Assert.Equal(Enumerable.Repeat(16L, 9), harness.Fed(0));
        Assert.Throws<ArgumentException>(() => generator.Begin(new MusicGenWindow(0, 1, 9), new MusicGenWindow(0, 0, 9)));
        Assert.Throws<ArgumentException>(() => new CodebookGenerator(harness.Sequence, harness.Config, Track(harness, first, 1), Track(harness, second, 3)));
    }

    [Fact]
    public void Step_Repeated_AllocatesNothing()
    {
        using Harness harness = new(guided: true, record: false);
        harness.Generator.Begin(new MusicGenWindow(0, 0, 50));
        for (int i = 0; i < 5; i++)
        {
            harness.Generator.Step(CancellationToken.None);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 40; i++)
        {
            harness.Generator.Step(CancellationToken.None);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Constructor_RowsThatDoNotFit_AreRefused()
    {
        using Harness harness = new(guided: false);

        Assert.Throws<ArgumentException>(() => new CodebookGenerator(harness.Sequence, harness.Config, harness.Frames, CodeChooser.Greedy(4, 4), guidanceScale: 3));
    }

    private static CodebookTrack Track(Harness harness, CodeFrames frames, double guidanceScale = 3) => new(harness.Config, frames, CodeChooser.Greedy(4, 4), guidanceScale);

    private sealed class Harness : IDisposable
    {
        private readonly bool _record;
        private readonly int _conditional;
        private readonly List<long[]> _fed = [];
        private readonly FakeOnnxModel _decoder;
        private readonly FakeOnnxModel _conditioner;
        private readonly MusicGenCondition _condition;

        public Harness(bool guided, bool record = true, int pieces = 1)
        {
            _record = record;
            _decoder = new FakeOnnxModel(MusicGenConfig.DecoderComponent, Decode);
            _conditioner = new FakeOnnxModel(MusicGenConfig.ConditionComponent, (_, _) => { });
            _conditional = 4 * pieces;
            ConditioningRows rows = ConditioningRows.Stack([.. Enumerable.Repeat(new ConditioningRows(new float[6], [1, 1], 1, 2, 3), pieces)]);
            _condition = MusicGenCondition.Create(_conditioner, Config, rows, default, guided, CancellationToken.None);
            Sequence = new MusicGenSequence(_decoder, Config, _condition, 60);
            Frames = new CodeFrames(4 * pieces, 60);
            Generator = new CodebookGenerator(Sequence, Config, Frames, CodeChooser.Greedy(4, 4 * pieces), guided ? 3 : 1);
        }

        public MusicGenConfig Config { get; } = TinyConfig.Create(codebooks: 4, channels: 1);

        public CodeFrames Frames { get; }

        public MusicGenSequence Sequence { get; }

        public CodebookGenerator Generator { get; }

        public void Run(MusicGenWindow window)
        {
            Generator.Begin(window);
            while (Generator.Step(CancellationToken.None))
            {
            }
        }

        /// <summary>All ids that a row was fed, in order.</summary>
        public long[] Fed(int row) => [.. _fed.SelectMany(ids => ids.Skip(row * (ids.Length / Sequence.Rows / 4)).Take(ids.Length / Sequence.Rows / 4))];

        public void Dispose()
        {
            Sequence.Dispose();
            _condition.Dispose();
            _decoder.Dispose();
            _conditioner.Dispose();
        }

        private void Decode(FakeModelRun run, CancellationToken cancellationToken)
        {
            NativeTensor ids = run.Input("input_ids");
            ReadOnlySpan<long> fed = ids.AsSpan<long>();
            if (_record)
            {
                _fed.Add(fed.ToArray());
                Assert.Equal(_fed.Sum(f => f.Length) / (4 * Sequence.Rows), run.Input("total_sequence_length").AsSpan<int>()[0]);
            }

            int length = (int)ids.Shape[2];
            Span<float> logits = run.Output("logits").AsSpan<float>();
            logits.Clear();
            for (int row = 0; row < 4 * Sequence.Rows; row++)
            {
                int next = (int)((fed[(row * length) + length - 1] + 1) % 17 % 16);
                logits[(row * 16) + next] = 2;
                logits[(row * 16) + ((next + 1) % 16)] = row < _conditional ? 1.5f : 3;
            }
        }
    }
}
