using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class M2UGenPipelineTests
{
    private static readonly GenerationOptions Greedy = GenerationOptions.Greedy;

    private static int[] MusicAnswer => [.. FakeLanguage.Text("Here is a waltz."), .. FakeLanguage.Music, .. FakeLanguage.Stop];

    private static int[] TextAnswer => [.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop];

    [Fact]
    public async Task AskAsync_TextAnswer_CarriesManifest()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer));
        AnswerResult answer = await pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy with { Seed = 5 }).AskAsync();
        Assert.Equal("A violin.", answer.Text);
        Assert.False(answer.AsksForMusic);
        Assert.Equal(5UL, answer.Seed);
        Assert.Equal(5UL, answer.Manifest.MusicSeed);
        Assert.Equal(FakeLanguage.Question, answer.Manifest.Prompt);
        Assert.Equal(Fidelity.Improved, answer.Manifest.Fidelity);
    }

    [Fact]
    public async Task AskAsync_ModelAsksForMusic_MakesNone()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music);
        AnswerResult answer = await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync();
        Assert.True(answer.AsksForMusic);
        Assert.Null(music.LastRequest);
    }

    [Fact]
    public async Task GenerateMusicAsync_MusicAnswer_ConditionsOnTheCleanCaption()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music);
        MusicResult result = await pipeline.Prompt(FakeLanguage.Question)
            .WithGeneration(Greedy).WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(2), Seed = 7 }).GenerateMusicAsync();
        Assert.Equal("Here is a waltz.", result.Caption);
        Assert.Equal("Here is a waltz.", music.LastRequest!.Conditioning.Caption);
        Assert.Null(music.LastRequest.Conditioning.Embedding);
        Assert.Equal(7UL, music.LastRequest.Options.Seed);
        Assert.Equal((7UL, 7UL), (result.Seed, result.Answer!.Seed));
        Assert.Equal(50, result.Audio.SampleCount);
    }

    [Fact]
    public async Task GenerateMusicAsync_Reference_KeepsTheLiteralTokens()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music);
        MusicResult result = await pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).WithFidelity(Fidelity.Reference).GenerateMusicAsync();
        Assert.Equal(result.Answer!.RawText, result.Caption);
        Assert.Contains("[AUD7]", result.Caption, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GenerateMusicAsync_Embedding_IsProjected()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage([.. FakeLanguage.Music, .. FakeLanguage.Stop]), music);
        await pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy)
            .WithMusic(new MusicOptions { Conditioning = MusicConditioningMode.Embedding }).GenerateMusicAsync();
        float[] embedding = music.LastRequest!.Conditioning.Embedding!.Value.ToArray();
        Assert.Equal((0f, 14f), (embedding[0], embedding[^1]));

        // Nothing but music tokens: the prompt is all the caption there is.
        Assert.Equal(FakeLanguage.Question, music.LastRequest.Conditioning.Caption);
    }

    [Fact]
    public async Task GenerateMusicAsync_TextAnswer_ThrowsWithTheAnswer()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), new FakeMusicDecoder());
        MusicNotGeneratedException error = await Assert.ThrowsAsync<MusicNotGeneratedException>(() => pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).GenerateMusicAsync());
        Assert.Equal("A violin.", error.Answer);
    }

    [Fact]
    public async Task RunAsync_NoDecoder_GivesTheAnswerAlone()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), family: "m2ugen");
        M2UGenResult result = await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).RunAsync();
        Assert.True(result.Answer!.AsksForMusic);
        Assert.Null(result.Music);
    }

    [Fact]
    public async Task GenerateMusicAsync_NoDecoder_IsRefusedBeforeAnyWork()
    {
        FakeLanguage language = new(MusicAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, family: "m2ugen");
        UnsupportedCapabilityException error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => pipeline.GenerateMusicAsync(FakeLanguage.Question));
        Assert.Contains("no music decoder", error.Message, StringComparison.Ordinal);
        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task MusicOnlyBundle_PromptIsTheCaption_AndAnswersAreRefused()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: music, family: "musicgen");
        M2UGenResult result = await pipeline.RunAsync("a slow waltz");
        Assert.Null(result.Answer);
        Assert.Equal("a slow waltz", result.Music!.Caption);
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => pipeline.AskAsync("why?"));
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => pipeline.Prompt("x").WithMusic(new MusicOptions { Conditioning = MusicConditioningMode.Both }).RunAsync());
    }

    [Fact]
    public async Task Prompt_Empty_IsRefusedUnlessSoundIsGiven()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        await Assert.ThrowsAsync<ArgumentException>(() => pipeline.RunAsync(" "));
        M2UGenResult result = await pipeline.Prompt(string.Empty).WithAudioPrompt(AudioClip.FromSamples([0.5f], 100)).RunAsync();
        Assert.NotNull(result.Music);
        Assert.Equal(64, result.Manifest.AudioPromptHash!.Length);
    }

    [Fact]
    public async Task StreamAsync_MusicAnswer_TextThenSoundThenResult()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder());
        List<GenerationUpdate> updates = [];
        await foreach (GenerationUpdate update in pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).StreamAsync())
        {
            updates.Add(update);
        }

        GenerationCompleted end = Assert.IsType<GenerationCompleted>(updates[^1]);
        Assert.Equal(end.Result.Text, string.Concat(updates.OfType<TextDelta>().Select(d => d.Text)));
        Assert.Equal(end.Result.Music!.Audio.Samples.ToArray(), updates.OfType<AudioChunk>().SelectMany(c => c.Samples.ToArray()).ToArray());
        Assert.True(updates.FindLastIndex(u => u is TextDelta) < updates.FindIndex(u => u is AudioChunk));
        Assert.Equal([GenerationStage.Language, GenerationStage.Music], updates.OfType<StageProgress>().Select(p => p.Stage).Distinct());
    }

    [Fact]
    public async Task MusicThatCannotBeMade_IsRefusedBeforeTheAnswer_ButNotWhereTextWillDo()
    {
        FakeLanguage language = new(TextAnswer);
        MusicDecoderRequest? asked = null;
        FakeMusicDecoder music = new()
        {
            OnCheck = request =>
            {
                asked = request;
                throw new UnsupportedCapabilityException("melody", "no melodies here");
            },
        };
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, music);
        AudioClip melody = AudioClip.FromSamples([0.5f], 100);
        M2UGenRequest request = pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).WithFidelity(Fidelity.Reference).WithMelody(melody);
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => request.GenerateMusicAsync());
        Assert.Empty(language.Calls);
        Assert.Same(melody, asked!.Conditioning.Melody);
        Assert.Null(asked.Conditioning.Caption);
        Assert.Equal(Fidelity.Reference, asked.Fidelity);
        Assert.Equal("A violin.", (await request.AskAsync()).Text);
        Assert.Equal("A violin.", (await request.RunAsync()).Text);

        await using M2UGenPipeline musicOnly = FakePipeline.Create(music: music, family: "musicgen");
        Assert.Throws<UnsupportedCapabilityException>(() => musicOnly.Prompt("a waltz").StreamAsync());
        Assert.Equal("a waltz", asked.Conditioning.Caption);
    }

    [Fact]
    public async Task Options_OutOfRange_AreAllNamedBeforeAnyWork()
    {
        FakeLanguage language = new(TextAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, new FakeMusicDecoder());
        M2UGenRequest request = pipeline.Prompt(FakeLanguage.Question)
            .WithGeneration(new GenerationOptions { Temperature = double.NaN }).WithMusic(new MusicOptions { Duration = TimeSpan.Zero });
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => request.StreamAsync());
        Assert.Equal(nameof(GenerationOptions.Temperature), error.ParamName);
        Assert.Contains("MusicOptions.Duration", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => request.RunAsync());
        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task NoSeed_ReportedSeedMakesTheManifestAgain()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        M2UGenResult first = await pipeline.RunAsync("a waltz");
        M2UGenResult second = await pipeline.RunAsync("a waltz");
        Assert.NotEqual(first.Manifest.MusicSeed, second.Manifest.MusicSeed);
        Assert.Equal(first.Manifest.MusicSeed, first.Music!.Seed);
    }
}
