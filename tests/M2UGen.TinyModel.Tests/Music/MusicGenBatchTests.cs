using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.TinyModel.Tests.Music;

/// <summary>Pieces side by side: each is, code for code, the one that its request makes alone.</summary>
public sealed class MusicGenBatchTests(TinyMusic music) : IClassFixture<TinyMusic>
{
    private static readonly string[] Captions = ["flute", "a slow brass march with many drums", "techno", "", "a lullaby on a music box", "church organ hymn", "rock"];

    [Theory]
    [InlineData("mono", 7)]
    [InlineData("mono", 3)]
    [InlineData("stereo", 4)]
    [InlineData("melody", 4)]
    public void GenerateBatch_UnequalCaptionsLengthsSeedsAndGuidance_EqualsEachAlone(string model, int batchSize)
    {
        MusicDecoderRequest[] requests = [.. Captions.Select((caption, i) => new MusicDecoderRequest
        {
            Conditioning = new MusicConditioning { Caption = caption },
            Options = new MusicOptions { Duration = TimeSpan.FromSeconds(0.3 + (0.17 * ((i * 3) % 5))), Seed = (ulong)(40 + i), GuidanceScale = 2 + (0.5 * (i % 3)), TopK = 20 + i, Sample = i % 4 != 3 },
        })];
        AssertEachAsAlone(music[model], batchSize, requests);
    }

    [Theory]
    [InlineData("stereo-int8")]
    [InlineData("stereo-int4")]
    public void GenerateBatch_MatricesAndCacheInIntegers_EqualsEachAlone(string model)
    {
        MusicDecoderRequest[] requests = [.. Captions.Select((caption, i) => new MusicDecoderRequest
        {
            Conditioning = new MusicConditioning { Caption = caption },
            Options = new MusicOptions { Duration = TimeSpan.FromSeconds(0.3 + (0.1 * (i % 3))), Seed = (ulong)(60 + i) },
        })];
        AssertEachAsAlone(music[model], 4, requests);
    }

    [Fact]
    public void GenerateBatch_WithAndWithoutGuidance_EqualsEachAlone()
    {
        MusicDecoderRequest[] requests = [.. Captions.Select((caption, i) => TinyMusic.Greedy(caption, TimeSpan.FromSeconds(0.4), 1 + (i % 2 * 2)))];
        AssertEachAsAlone(music.Mono, 4, requests);
    }

    [Fact]
    public void GenerateBatch_AudioPrompts_EqualsEachAlone()
    {
        float[] seconds = [0, 0.2f, 0.2f, 0.31f];
        MusicDecoderRequest[] requests = [.. seconds.Select((length, i) =>
        {
            MusicDecoderRequest request = TinyMusic.Greedy(Captions[i], TimeSpan.FromSeconds(0.6 + (0.1 * i)));
            AudioClip prompt = AudioClip.FromSamples([.. Enumerable.Range(0, (int)(32000 * length)).Select(t => 0.3f * MathF.Sin(t * (0.02f + (0.01f * i))))], 32000);
            return length > 0 ? request with { Conditioning = request.Conditioning with { AudioPrompt = prompt } } : request;
        })];
        AssertEachAsAlone(music.Stereo, 4, requests);
    }

    [Fact]
    public void GenerateBatch_SomeBeyondOnePass_EqualsEachAlone()
    {
        MusicGenDecoder decoder = music.Stereo;
        int perPass = decoder.Config.MaxPositions + 1 - decoder.Config.CodebooksPerChannel;
        MusicDecoderRequest[] requests = [.. ((int[])[perPass + 40, 30, (2 * perPass) - 5]).Select((frames, i) =>
            TinyMusic.Greedy(Captions[i], TimeSpan.FromSeconds((double)frames * decoder.Config.Codec.SamplesPerFrame / decoder.SampleRate)))];
        AssertEachAsAlone(decoder, 4, requests);
    }

    [Fact]
    public void GenerateBatch_EmbeddingBesideCaption_EqualsEachAlone()
    {
        ConditioningRows states = music.Mono.Text.Encode(Captions[1], null, CancellationToken.None);
        MusicDecoderRequest caption = TinyMusic.Greedy(Captions[2], TimeSpan.FromSeconds(0.4));
        MusicDecoderRequest both = caption with
        {
            Conditioning = caption.Conditioning with { Embedding = states.States },
            Options = caption.Options with { Conditioning = MusicConditioningMode.Both },
        };
        AssertEachAsAlone(music.Mono, 4, [caption, both, both with { Options = both.Options with { Conditioning = MusicConditioningMode.Embedding } }]);
    }

    [Fact]
    public void GenerateBatch_Streams_EveryPieceToItsOwnSink()
    {
        MusicDecoderRequest[] requests = [.. ((double[])[1.2, 0.4]).Select((seconds, i) => TinyMusic.Greedy(Captions[i], TimeSpan.FromSeconds(seconds)))];
        List<int> order = [];
        RecordingSink[] sinks = [.. requests.Select((_, i) => new RecordingSink { Touched = () => order.Add(i) })];
        IReadOnlyList<MusicDecoding> pieces = Batching(music.Mono, 2).GenerateBatch(requests, sinks, CancellationToken.None);
        Assert.All(pieces.Zip(sinks), pair => Assert.Equal(pair.First.Audio.Samples.ToArray(), pair.Second.Samples));
        Assert.All(sinks, sink => Assert.Equal(1, sink.Progress.Last(progress => progress.Stage == GenerationStage.Music).Fraction));

        // The shorter one is done before the longer one.
        Assert.True(order.LastIndexOf(1) < order.LastIndexOf(0));
    }

    [Fact]
    public void GenerateBatch_Cancelled_StopsAndLeavesTheDecoderUsable()
    {
        using CancellationTokenSource source = new();
        MusicDecoderRequest[] requests = [.. Captions.Take(3).Select(caption => TinyMusic.Greedy(caption, TimeSpan.FromMinutes(2)))];
        RecordingSink[] sinks = [.. requests.Select(_ => new RecordingSink())];
        sinks[2] = new RecordingSink
        {
            Touched = () =>
            {
                if (sinks[2].Chunks > 0)
                {
                    source.Cancel();
                }
            },
        };
        OperationCanceledException error = Assert.ThrowsAny<OperationCanceledException>(() => Batching(music.Mono, 3).GenerateBatch(requests, sinks, source.Token));
        Assert.Equal(source.Token, error.CancellationToken);
        AssertEachAsAlone(music.Mono, 3, [.. requests.Select(request => request with { Options = request.Options with { Duration = TimeSpan.FromSeconds(0.3) } })]);
    }

    [Fact]
    public void GenerateBatch_AnImpossibleLength_FailsBeforeAnything()
    {
        RecordingSink[] sinks = [new RecordingSink(), new RecordingSink()];
        MusicDecoderRequest good = TinyMusic.Greedy("jazz", TimeSpan.FromSeconds(0.3));
        MusicDecoderRequest bad = good with { Options = good.Options with { Duration = TimeSpan.FromHours(1) }, Fidelity = Fidelity.Reference };
        Assert.Throws<ArgumentException>(() => Batching(music.Mono, 2).GenerateBatch([good, bad], sinks, CancellationToken.None));
        Assert.All(sinks, sink => Assert.Empty(sink.Progress));
        Assert.Throws<ArgumentOutOfRangeException>(() => music.Mono.GenerateBatch([good], sinks, CancellationToken.None));
    }

    private void AssertEachAsAlone(MusicGenDecoder decoder, int batchSize, MusicDecoderRequest[] requests)
    {
        IReadOnlyList<MusicDecoding> together = Batching(decoder, batchSize).GenerateBatch(requests, [.. requests.Select(_ => new RecordingSink())], CancellationToken.None);
        Assert.Equal(requests.Length, together.Count);
        for (int i = 0; i < requests.Length; i++)
        {
            MusicDecoding alone = decoder.Generate(requests[i], new RecordingSink(), CancellationToken.None);
            Assert.Equal(alone.Codes, together[i].Codes);
            Assert.Equal(alone.Audio.Samples.ToArray(), together[i].Audio.Samples.ToArray());
            Assert.Equal((alone.Steps, requests[i].Options.Seed ?? together[i].Seed), (together[i].Steps, together[i].Seed));
        }
    }

    /// <summary>The same decoder with room for several pieces.</summary>
    private MusicGenDecoder Batching(MusicGenDecoder decoder, int batchSize) => music.WithBatchSize(decoder, batchSize);
}
