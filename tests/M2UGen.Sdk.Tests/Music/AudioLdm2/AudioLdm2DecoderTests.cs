using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

public sealed class AudioLdm2DecoderTests
{
    private readonly FakeAudioLdm2 _fake = new();
    private readonly RecordingMusicSink _sink = new();

    private static MusicOptions Options(DiffusionOptions diffusion, double? guidance = null, double seconds = 0.2) =>
        new() { Seed = 7, Duration = TimeSpan.FromSeconds(seconds), GuidanceScale = guidance, Diffusion = diffusion };

    [Fact]
    public void Generate_WithGuidance_AsksForBothRowsInOneRun()
    {
        MusicDecoding music = Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 1 }, guidance: 3));
        Assert.Equal([2, 2, 2, 2], _fake.UNetRows);
        Assert.Equal(4, music.Steps);
        Assert.Equal(["Low quality.", "abc"], _fake.Encoded.Select(row => row.Caption).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Generate_AtScaleOne_LeavesTheNegativePromptOut()
    {
        Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 1 }, guidance: 1));
        Assert.Equal([1, 1, 1, 1], _fake.UNetRows);
        Assert.Equal(["abc"], _fake.Encoded.Select(row => row.Caption));
    }

    [Fact]
    public void Generate_GuidesAwayFromTheNegativePrompt()
    {
        // The fake's prediction is 0.5 x + m; guided: 0.5 x + m(negative) + 3 (m(caption) - m(negative)), which a run without guidance and with that mean gives too.
        MusicDecoding music = Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 1, NegativePrompt = "" }, guidance: 3));
        float mean = 0.01f + (3 * (0.04f - 0.01f));
        float[] expected = DiffusionLoop.StartNoise(7, 0, FakeAudioLdm2.Channels * 5 * 2);
        IDiffusionScheduler scheduler = SchedulerFactory.Create(DiffusionScheduler.Ddim, _fake.Config.SchedulerConfig);
        scheduler.SetTimesteps(4, expected.Length);
        for (int i = 0; i < 4; i++)
        {
            scheduler.Step([.. expected.Select(x => (0.5f * x) + mean)], expected, []);
        }

        Assert.Equal(expected[0], music.Audio.Samples.Span[0], 1e-4f);
    }

    [Theory]
    [InlineData(DiffusionScheduler.Heun, 7)]
    [InlineData(DiffusionScheduler.Pndm, 13)]
    [InlineData(DiffusionScheduler.EulerAncestral, 4)]
    public void Generate_WithAnyScheduler_ReportsEveryModelCall(DiffusionScheduler scheduler, int calls)
    {
        Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 2, Scheduler = scheduler }));
        StageProgress[] music = [.. _sink.Progress.Where(progress => progress.Stage == GenerationStage.Music)];
        Assert.Equal(Enumerable.Range(0, (calls * 2) + 1).Select(i => (long)i), music.Select(progress => progress.Completed));
        Assert.All(music, progress => Assert.Equal(calls * 2, progress.Total));
        Assert.Equal([1, 2], _sink.Progress.Where(progress => progress.Stage == GenerationStage.Decode).Select(progress => progress.Completed));
    }

    [Fact]
    public void Generate_WithTheSameSeed_GivesTheSame()
    {
        MusicOptions options = Options(new() { Steps = 4, Eta = 0.5, WaveformsPerPrompt = 1 });
        float[] first = Generate(options).Audio.Samples.ToArray();
        Assert.Equal(first, Generate(options).Audio.Samples.ToArray());
        Assert.NotEqual(first, Generate(options with { Seed = 8 }).Audio.Samples.ToArray());
        Assert.NotEqual(first, Generate(options with { Diffusion = options.Diffusion with { Eta = 0 } }).Audio.Samples.ToArray());
    }

    [Fact]
    public void Generate_ACandidateDoesNotDependOnTheirNumber()
    {
        float[] alone = Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 1 })).Audio.Samples.ToArray();
        MusicDecoding three = Generate(Options(new() { Steps = 4, WaveformsPerPrompt = 3 }));
        Assert.Equal(alone, three.Candidates!.Single(candidate => candidate.Index == 0).Audio.Samples.ToArray());
    }

    [Fact]
    public void Generate_RanksCandidatesBestFirst()
    {
        MusicDecoding music = Generate(Options(new() { Steps = 4 }));
        Assert.Equal([(1, 0.3), (2, 0.2), (0, 0.1)], music.Candidates!.Select(candidate => (candidate.Index, candidate.Score!.Value)));
        Assert.Same(music.Audio, music.Candidates![0].Audio);
        Assert.Equal(music.Audio.Samples.ToArray(), Assert.Single(_sink.Chunks).Samples.ToArray());
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.1)]
    [InlineData(0.29)]
    [InlineData(1.13)]
    [InlineData(3.3337)]
    public void Generate_IsExactlyAsLongAsAsked(double seconds)
    {
        MusicDecoding music = Generate(Options(new() { Steps = 1, WaveformsPerPrompt = 1 }, seconds: seconds));
        Assert.Equal((int)Math.Round(seconds * FakeAudioLdm2.Rate), music.Audio.SampleCount);
    }

    [Fact]
    public void Generate_SendsPreviewsWhereAskedFor()
    {
        Generate(Options(new() { Steps = 5, WaveformsPerPrompt = 2, PreviewInterval = 2 }));
        Assert.Equal([(0, 2), (0, 4), (1, 2), (1, 4)], _sink.Previews.Select(preview => (preview.Candidate, preview.Step)));
        Assert.All(_sink.Previews, preview => Assert.Equal(preview.Channels * preview.Height * preview.Width, preview.Latents.Length));
    }

    [Fact]
    public void Generate_CancelledInsideAStep_StopsThereAndFreesEverything()
    {
        using CancellationTokenSource source = new();
        _fake.OnUNet = run =>
        {
            if (run == 3)
            {
                source.Cancel();
            }
        };
        OperationCanceledException e = Assert.ThrowsAny<OperationCanceledException>(() => _fake.Decoder.Generate(_fake.Request(Options(new() { Steps = 9 })), _sink, source.Token));
        Assert.Equal(source.Token, e.CancellationToken);
        Assert.Equal(3, _fake.UNetRows.Count);
        Assert.Equal(0, _fake.LiveRuns);
        Assert.Empty(_sink.Chunks);
    }

    [Fact]
    public void Generate_FreesEachStageWhereAsked()
    {
        FakeAudioLdm2 fake = new(releaseStages: true);
        fake.OnUNet = _ => Assert.False(fake.IsLoaded("captions"));
        fake.Decoder.Generate(fake.Request(), _sink, default);
        Assert.Empty(fake.Models.Loaded);
        Assert.Equal(["captions", "unet", "unet-time", "unet-condition", "vae-decoder", "vocoder"], fake.Loads);
    }

    [Fact]
    public void Generate_KeepsComponentsOtherwise()
    {
        Generate(_fake.Request().Options);
        Generate(_fake.Request().Options);
        Assert.Equal(_fake.Loads.Count, _fake.Loads.Distinct().Count());
    }

    [Fact]
    public void Generate_CountsPaddingAsFidelitySays()
    {
        Generate(Options(new() { Steps = 1, NegativePrompt = "ab" }));
        _fake.Decoder.Generate(_fake.Request(Options(new() { Steps = 1, NegativePrompt = "ab" })) with { Fidelity = Fidelity.Reference }, _sink, default);
        Assert.Equal([4, 4, FakeAudioLdm2.CaptionTokens, FakeAudioLdm2.CaptionTokens], _fake.Encoded.Select(row => row.Counted));
    }

    [Fact]
    public void Generate_FollowsAnEmbedding()
    {
        float[] embedding = [.. Enumerable.Repeat(0.5f, (FakeAudioLdm2.CaptionTokens * 3) + 4)];
        MusicDecoderRequest request = new()
        {
            Conditioning = new MusicConditioning { Caption = "abc", Embedding = embedding },
            Options = Options(new() { Steps = 2, WaveformsPerPrompt = 1 }) with { Conditioning = MusicConditioningMode.Embedding },
        };
        _fake.Decoder.Generate(request, _sink, default);
        Assert.Equal(["Low quality."], _fake.Encoded.Select(row => row.Caption));
        UNetCondition both = _fake.Decoder.Conditioner.Create(
            request with { Options = request.Options with { Conditioning = MusicConditioningMode.Both } }, DiffusionSettings.Of(_fake.Config, request.Options), default);
        Assert.Equal(2, both.Rows);
        Assert.Equal(2 * 13 * 3, both.PromptEmbeds.Length);
        Assert.Equal(2 * 4 * 2, both.GeneratedPromptEmbeds.Length);

        // The negative prompt's vectors twice, then the caption's and the embedding's.
        Assert.Equal([0.13f, 0.13f, 0.13f, 0.13f, 0.13f, 0.13f, 0.13f, 0.13f, 0.04f, 0.04f, 0.04f, 0.04f, 0.5f, 0.5f, 0.5f, 0.5f], both.GeneratedPromptEmbeds.ToArray());
    }

    [Fact]
    public void Check_RefusesWhatCannotBeDone()
    {
        AudioClip sound = AudioClip.FromSamples(new float[100], 1000);
        MusicDecoderRequest request = _fake.Request();
        Assert.Throws<UnsupportedCapabilityException>(() => _fake.Decoder.Check(request with { Conditioning = new() { AudioPrompt = sound } }));
        Assert.Throws<UnsupportedCapabilityException>(() => _fake.Decoder.Check(request with { Conditioning = new() { Melody = sound } }));
        Assert.Throws<ArgumentException>(() => _fake.Decoder.Check(request with { Options = new() { MaxNewTokens = 5 } }));
        Assert.Throws<ArgumentException>(() => _fake.Decoder.Check(request with { Options = Options(new() { Steps = 1001 }) }));
        Assert.Throws<ArgumentException>(() => _fake.Decoder.Check(request with { Options = Options(new() { Steps = 3, Scheduler = DiffusionScheduler.Pndm }) }));
        Assert.Throws<ArgumentException>(() => _fake.Decoder.Check(request with { Options = Options(new(), seconds: 600) }));
        ArgumentException e = Assert.Throws<ArgumentException>(() => _fake.Decoder.Check(request with
        {
            Conditioning = new() { Embedding = new float[5] },
            Options = Options(new()) with { Conditioning = MusicConditioningMode.Embedding },
        }));
        Assert.Contains("6 x 3", e.Message, StringComparison.Ordinal);
        Assert.Empty(_fake.Loads);
    }

    private MusicDecoding Generate(MusicOptions options) => _fake.Decoder.Generate(_fake.Request(options), _sink, default);
}
