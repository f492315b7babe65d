using M2UGen.Sdk.Tests.Fakes;
using FakeMedia = M2UGen.Sdk.Tests.Fakes.Media;

namespace M2UGen.Sdk.Tests.Pipeline;

/// <summary>Requests that bring sound and pictures, over fake encoders.</summary>
public sealed class MediaRequestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int[] TextAnswer => [.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop];

    private static int[] MusicAnswer => [.. FakeLanguage.Text("A waltz."), .. FakeLanguage.Music, .. FakeLanguage.Stop];

    [Fact]
    public async Task AskAsync_SoundAndPicture_EachEncodedOnceAndBothInThePrefix()
    {
        FakeLanguage language = new(TextAnswer);
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: encoders);
        AnswerResult answer = await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).WithImage(FakeMedia.Picture).AskAsync();
        Assert.Equal("A violin.", answer.Text);
        Assert.Equal(["audio", "image", "prefix"], encoders.Calls);
        Assert.Same(FakeMedia.HalfSecond, encoders.Audio);
        Assert.Equal([1f, 2, 0, 9], language.Prefix!);
        Assert.Null(encoders.Knn);
    }

    [Fact]
    public async Task AskAsync_WordsAlone_LeavesTheEncodersAlone()
    {
        FakeLanguage language = new(TextAnswer);
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: encoders);
        AnswerResult answer = await Ask(pipeline).AskAsync();
        Assert.Empty(encoders.Calls);
        Assert.Equal(new float[FakeLanguage.Dim], language.Prefix!);
        Assert.Equal((null, null, null, null), (answer.Manifest.AudioHash, answer.Manifest.ImageHash, answer.Manifest.VideoHash, answer.Manifest.HistoryHash));
    }

    [Fact]
    public async Task GenerateMusicAsync_LongSound_IsEncodedOnceForTheWholeRequest()
    {
        FakeEncoders encoders = new() { Windows = 3 };
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: encoders);
        List<StageProgress> stages = [];
        await foreach (GenerationUpdate update in Ask(pipeline).WithAudio(FakeMedia.HalfSecond).StreamAsync())
        {
            if (update is StageProgress progress)
            {
                stages.Add(progress);
            }
        }

        Assert.Equal(["audio", "prefix"], encoders.Calls);
        GenerationStage[] order = [.. stages.Select(stage => stage.Stage).Distinct()];
        Assert.Equal([GenerationStage.Encode, GenerationStage.Language, GenerationStage.Music], order);
        double[] encode = [.. stages.Where(stage => stage.Stage == GenerationStage.Encode).Select(stage => stage.Fraction)];
        Assert.Equal(encode.Order(), encode);
        Assert.Equal((0.0, 1.0), (encode[0], encode[^1]));

        // Begin, decoded, two windows, and the whole item.
        Assert.Equal(5, encode.Length);
    }

    [Fact]
    public async Task AskAsync_WithKnn_ReachesThePrefixAndTheManifest_WithoutThePath()
    {
        FakeEncoders encoders = new() { HasKnn = true };
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), encoders: encoders);
        KnnOptions knn = KnnOptions.Captioning with { IndexPath = "secret/knn.index" };
        AnswerResult answer = await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).WithKnn(knn).AskAsync();
        Assert.Equal(knn, encoders.Knn);
        Assert.Equal(KnnOptions.Captioning, answer.Manifest.Knn);
        Assert.Equal(answer.Manifest, ResultManifest.FromJson(answer.Manifest.ToJson()));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ask(pipeline).WithKnn(knn with { CacheSize = 0 }).StreamAsync());
    }

    [Fact]
    public async Task Manifest_NamesTheDecodedContent_WhateverItCameFrom()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), encoders: new FakeEncoders());
        MediaSource bytes = MediaSource.FromBytes(FakeMedia.Wav(FakeMedia.HalfSecond));
        using MemoryStream stream = new(FakeMedia.Wav(FakeMedia.HalfSecond));
        MediaSource once = MediaSource.FromStream(stream);
        AnswerResult[] answers =
        [
            await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).WithImage(FakeMedia.Picture).AskAsync(),
            await Ask(pipeline).WithAudio(bytes).AskAsync(),
            await Ask(pipeline).WithAudio(once).AskAsync(),
            await Ask(pipeline).WithAudio(once).AskAsync(),
        ];
        string hash = Assert.Single(answers.Select(answer => answer.Manifest.AudioHash).Distinct())!;
        Assert.Equal(64, hash.Length);
        Assert.Equal("7192385c3c0605de55bb9476ce1d90748190ecb32a8eed7f5207b30cf6a1fe89", answers[0].Manifest.ImageHash);
    }

    [Fact]
    public async Task RunAsync_MusicBundle_RefusesMediaAndSaysWhatThereIsInstead()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        UnsupportedCapabilityException error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => pipeline.EditMusicAsync("Swap the drums", FakeMedia.HalfSecond));
        Assert.Equal("audio input", error.Capability);
        Assert.Contains("WithMelody", error.Message, StringComparison.Ordinal);
        Assert.Equal((false, false, false), (pipeline.CanHearAudio, pipeline.CanSeeImages, pipeline.CanSeeVideo));
    }

    [Fact]
    public async Task RunAsync_MissingEncoder_NamesTheExportSwitch()
    {
        FakeLanguage language = new(TextAnswer);
        FakeEncoders deaf = new() { HearsAudio = false, SeesImages = false };
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: deaf);
        await using M2UGenPipeline none = FakePipeline.Create(new FakeLanguage(TextAnswer));
        Assert.Equal((false, false, true), (pipeline.CanHearAudio, pipeline.CanSeeImages, pipeline.CanSeeVideo));
        (M2UGenRequest Request, string Switch)[] rows =
        [
            (Ask(pipeline).WithAudio("no-such-file.wav"), "--mert_path"),
            (Ask(pipeline).WithImage("no-such-file.png"), "--vit_path"),
            (Ask(none).WithVideo("no-such-file.mp4"), "--vivit_path"),
            (Ask(pipeline).WithKnn(KnnOptions.Default), "--knn_dir"),
        ];
        foreach ((M2UGenRequest request, string exportSwitch) in rows)
        {
            // Refused by the call itself, before the file is looked for.
            UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => request.StreamAsync());
            Assert.Contains(exportSwitch, error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task EditMusicAsync_NoSound_IsRefused()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: new FakeEncoders());
        await Assert.ThrowsAsync<ArgumentException>(() => Ask(pipeline).EditMusicAsync());
        await Assert.ThrowsAsync<ArgumentException>(() => Ask(pipeline).CaptionMusicAsync());
    }

    [Fact]
    public async Task CaptionMusicAsync_NoPrompt_AsksTheReferencesQuestion()
    {
        FakeLanguage language = new([.. Enumerable.Repeat(5, 100)]);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: new FakeEncoders());
        AnswerResult caption = await pipeline.Prompt(" ").WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 1 }).WithAudio(FakeMedia.HalfSecond).CaptionMusicAsync();
        Assert.Equal(M2UGenRequest.CaptionQuestion, caption.Manifest.Prompt);
        AnswerResult own = await Ask(pipeline).WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 1 }).WithAudio(FakeMedia.HalfSecond).CaptionMusicAsync();
        Assert.Equal(FakeLanguage.Question, own.Manifest.Prompt);
    }

    [Theory]
    [InlineData(2.4, null, false, 2.4)]
    [InlineData(2.5, null, true, 2)]
    [InlineData(2.4, 7.0, false, 7)]
    [InlineData(2.4, 7.0, true, 7)]
    public async Task EditMusicAsync_Length_FollowsTheSoundUnlessGiven(double seconds, double? asked, bool wholeSeconds, double expected)
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music, encoders: new FakeEncoders());
        MusicResult result = await Ask(pipeline).WithAudio(FakeMedia.Sound(seconds)).WithFidelity(Fidelity.Improved with { WholeSecondLengths = wholeSeconds })
            .WithMusic(new MusicOptions { Duration = asked is { } s ? TimeSpan.FromSeconds(s) : null }).EditMusicAsync();
        Assert.Equal(TimeSpan.FromSeconds(expected), music.LastRequest!.Options.Duration);
        Assert.Equal(TimeSpan.FromSeconds(expected), result.Manifest.Music.Duration);
    }

    [Fact]
    public async Task EditMusicAsync_StepsAsked_LengthIsLeftToThem()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music, encoders: new FakeEncoders());
        await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).WithMusic(new MusicOptions { MaxNewTokens = 40 }).EditMusicAsync();
        Assert.Equal((null, 40), (music.LastRequest!.Options.Duration, music.LastRequest.Options.MaxNewTokens));
    }

    [Fact]
    public async Task EditMusicAsync_NoLengthComesOfTheSound_SaysSoBeforeTheModelRuns()
    {
        FakeLanguage language = new(MusicAnswer);
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, new FakeMusicDecoder(), encoders: encoders);
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => Ask(pipeline).WithFidelity(Fidelity.Reference).WithAudio(FakeMedia.Sound(0.4)).EditMusicAsync());
        Assert.Contains("MusicOptions.Duration", error.Message, StringComparison.Ordinal);
        Assert.Empty(encoders.Calls);
        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task EditMusicAsync_DecoderRefusesTheSoundsLength_BeforeTheModelRuns()
    {
        FakeMusicDecoder music = new() { OnCheck = request => ArgumentOutOfRangeException.ThrowIfGreaterThan(request.Options.Duration!.Value, TimeSpan.FromSeconds(1)) };
        FakeLanguage language = new(MusicAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, music, encoders: new FakeEncoders());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Ask(pipeline).WithAudio(FakeMedia.Sound(1.5)).EditMusicAsync());
        Assert.Empty(language.Calls);
        Assert.NotNull(await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).EditMusicAsync());
    }

    [Fact]
    public async Task DamagedSound_ReachesTheCaller_AndThePipelineGoesOn()
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), encoders: encoders);
        byte[] cut = FakeMedia.Wav(FakeMedia.HalfSecond)[..20];
        await Assert.ThrowsAsync<MediaFormatException>(() => Ask(pipeline).WithAudio(MediaSource.FromBytes(cut)).AskAsync());
        await Assert.ThrowsAsync<FileNotFoundException>(() => Ask(pipeline).WithAudio("no-such-file.wav").AskAsync());
        Assert.Empty(encoders.Calls);
        Assert.Equal("A violin.", (await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).AskAsync()).Text);
    }

    [Fact]
    public async Task Decoding_RunsWhileAnotherRequestHasTheDevice()
    {
        using ManualResetEventSlim held = new();
        using ManualResetEventSlim running = new();
        bool first = true;
        FakeMusicDecoder music = new()
        {
            BeforeChunk = (_, token) =>
            {
                running.Set();
                if (first)
                {
                    Assert.True(held.Wait(Patience, token));
                }

                first = false;
            },
        };
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music, encoders: encoders);
        Task<MusicResult> busy = Ask(pipeline).GenerateMusicAsync();
        Assert.True(running.Wait(Patience));
        using FakeMedia.WatchedStream file = new(FakeMedia.Wav(FakeMedia.HalfSecond));
        Task<MusicResult> next = Ask(pipeline).WithAudio(MediaSource.FromStream(file)).EditMusicAsync();
        await file.Started.Task.WaitAsync(Patience);

        // Read, and yet nothing of it runs on the device. A further one waits before it reads anything, so that few hold decoded media.
        using FakeMedia.WatchedStream further = new(FakeMedia.Wav(FakeMedia.HalfSecond));
        Task<MusicResult> last = Ask(pipeline).WithAudio(MediaSource.FromStream(further)).EditMusicAsync();
        Assert.Empty(encoders.Calls);
        Assert.False(further.Started.Task.IsCompleted);
        held.Set();
        await Task.WhenAll(busy, next, last).WaitAsync(Patience);
        Assert.Equal(["audio", "prefix", "audio", "prefix"], encoders.Calls);
    }

    [Fact]
    public async Task Cancel_WhileDecoding_EndsWithTheCallersTokenAndFreesTheQueue()
    {
        FakeLanguage language = new(TextAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: new FakeEncoders());
        using FakeMedia.WatchedStream file = new(FakeMedia.Wav(FakeMedia.HalfSecond)) { Gate = new TaskCompletionSource().Task };
        using CancellationTokenSource source = new();
        Task<AnswerResult> stuck = Ask(pipeline).WithAudio(MediaSource.FromStream(file)).AskAsync(source.Token);
        await file.Started.Task.WaitAsync(Patience);

        // A request of words alone does not wait for the file.
        Assert.Equal("A violin.", (await Ask(pipeline).AskAsync().WaitAsync(Patience)).Text);
        await source.CancelAsync();
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stuck);
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal("A violin.", (await Ask(pipeline).WithAudio(FakeMedia.HalfSecond).AskAsync().WaitAsync(Patience)).Text);
    }

    [Fact]
    public async Task Cancel_WhileEncoding_StopsBeforeTheNextItem()
    {
        using CancellationTokenSource source = new();
        FakeLanguage language = new(TextAnswer);
        FakeEncoders encoders = new() { OnCall = (_, _) => source.Cancel() };
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: encoders);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ask(pipeline).WithAudio(FakeMedia.HalfSecond).WithImage(FakeMedia.Picture).AskAsync(source.Token));
        Assert.Equal(["audio"], encoders.Calls);
        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task DisposeAsync_WhileDecoding_EndsTheRequest()
    {
        M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), encoders: new FakeEncoders());
        using FakeMedia.WatchedStream file = new(FakeMedia.Wav(FakeMedia.HalfSecond)) { Gate = new TaskCompletionSource().Task };
        Task<AnswerResult> stuck = Ask(pipeline).WithAudio(MediaSource.FromStream(file)).AskAsync();
        await file.Started.Task.WaitAsync(Patience);
        await pipeline.DisposeAsync().AsTask().WaitAsync(Patience);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stuck);
    }

    [Fact]
    public async Task OverlappingRequests_WithMedia_AllFinishAndEncodeTheirOwn()
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: encoders);
        MusicResult[] results = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Ask(pipeline).WithAudio(FakeMedia.Sound(i)).EditMusicAsync())).WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(1, 8), results.Select(result => (int)result.Manifest.Music.Duration!.Value.TotalSeconds));
        Assert.Equal(8, encoders.Calls.Count(call => call == "audio"));
    }

    [Fact]
    public void Refined_LeavesTheFirstUnchanged()
    {
        M2UGenRequest first = new(FakePipeline.Create(), "x");
        M2UGenRequest second = first.WithAudio(FakeMedia.HalfSecond).WithImage("a.png");
        Assert.True(first.Media.IsEmpty);
        Assert.NotNull(second.Media.Audio);
        Assert.NotNull(second.Media.Image);
        Assert.Throws<ArgumentException>(() => first.WithVideo(""));
        Assert.Throws<ArgumentNullException>(() => first.WithAudio((AudioClip)null!));
        Assert.Throws<ArgumentNullException>(() => first.WithImage((MediaSource)null!));
    }

    private static M2UGenRequest Ask(M2UGenPipeline pipeline) => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy);
}
