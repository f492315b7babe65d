using M2UGen.Sdk;

namespace M2UGen.PublicApi.Tests;

/// <summary>Applications' code as the README and the house style show it, compiled without a look inside.</summary>
public sealed class UserCodeTests
{
    private static readonly GenerationUpdate[] Script =
    [
        new TextDelta("A violin."),
        new StageProgress(GenerationStage.Language, 2, 4),
        new AudioChunk(new float[] { 0, 0.5f }, 8000, 1, TimeSpan.Zero),
        new AudioChunk(new float[] { 0, -0.5f }, 8000, 1, TimeSpan.FromSeconds(2.0 / 8000)),
        new GenerationCompleted(new M2UGenResult { Answer = ScriptedPipeline.Answer, Music = ScriptedPipeline.Music, Manifest = ScriptedPipeline.Manifest }),
    ];

    [Fact]
    public async Task TextToMusic_SixLines_SavesAWavFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"m2ugen-{Guid.NewGuid():N}.wav");
        CancellationToken ct = CancellationToken.None;
        try
        {
            await using IM2UGenPipeline pipeline = new ScriptedPipeline(Script);
            MusicResult dusk = await pipeline.GenerateMusicAsync("A calm piano piece at dusk", ct);
            await dusk.Audio.SaveAsync(path, ct);
            AudioClip saved = await AudioClip.LoadAsync(path, ct);
            Assert.Equal((8000, 4), (saved.SampleRate, saved.SampleCount));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Prompt_WithOptions_ReachTheStream()
    {
        ScriptedPipeline scripted = new(Script);
        IM2UGenPipeline pipeline = scripted;
        MusicResult waltz = await pipeline.Prompt("Music for a waltz")
            .WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(20), Seed = 7 }).GenerateMusicAsync();
        Assert.Equal(ScriptedPipeline.Music, waltz);
        Assert.Equal(("Music for a waltz", TimeSpan.FromSeconds(20), 7UL), (scripted.LastRequest!.Prompt, scripted.LastRequest.Music.Duration, scripted.LastRequest.Music.Seed));
    }

    [Fact]
    public async Task AskAndRun_FoldOverTheStream()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline(Script);
        Assert.Equal("A violin.", (await pipeline.AskAsync("Which instruments play?")).Text);
        Assert.Equal(ScriptedPipeline.Music, (await pipeline.RunAsync("Play")).Music);
    }

    [Fact]
    public async Task GenerateMusicAsync_NoMusicInTheResult_ThrowsWithTheAnswer()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline(new GenerationCompleted(new M2UGenResult { Answer = ScriptedPipeline.Answer, Manifest = ScriptedPipeline.Manifest }));
        MusicNotGeneratedException error = await Assert.ThrowsAsync<MusicNotGeneratedException>(() => pipeline.GenerateMusicAsync("Play"));
        Assert.Equal("A violin.", error.Answer);
    }

    [Fact]
    public async Task StreamAsync_SwitchOverUpdates_SeesEveryKind()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline(Script);
        string text = "";
        List<float> heard = [];
        double fraction = 0;
        M2UGenResult? result = null;
        await foreach (GenerationUpdate update in pipeline.Prompt("Score this scene").StreamAsync())
        {
            switch (update)
            {
                case TextDelta delta: text += delta.Text; break;
                case AudioChunk chunk: heard.AddRange(chunk.Samples.Span); break;
                case StageProgress stage: fraction = stage.Fraction; break;
                case GenerationCompleted completed: result = completed.Result; break;
                default: Assert.Fail($"An unknown update: {update}"); break;
            }
        }

        Assert.Equal(("A violin.", 0.5), (text, fraction));
        Assert.Equal(ScriptedPipeline.Music.Audio.Samples.ToArray(), heard);
        Assert.Equal("A violin.", result!.Text);
    }

    [Fact]
    public async Task RunAsync_Cancelled_ThrowsWithTheCallersToken()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline(Script);
        CancellationToken cancelled = new(canceled: true);
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.RunAsync("Play", cancelled));
        Assert.Equal(cancelled, error.CancellationToken);
    }

    [Fact]
    public async Task LoadAsync_NoSuchBundle_SaysWhatToDo()
    {
        string path = Path.Combine(Path.GetTempPath(), $"m2ugen-{Guid.NewGuid():N}");
        ModelBundleException error = await Assert.ThrowsAsync<ModelBundleException>(() =>
            M2UGenPipeline.FromBundle(path).UseCpu().UsePrecision(Precision.Float32).WithOptions(new PipelineOptions { Threads = 2 }).LoadAsync());
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("m2ugen-export", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Builder_BadArguments_AreRefusedBeforeLoading()
    {
        Assert.Throws<ArgumentException>(() => M2UGenPipeline.FromBundle(" "));
        M2UGenPipelineBuilder builder = M2UGenPipeline.FromBundle("bundle");
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.UseCuda(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.UseDirectML(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.UsePrecision((Precision)99));
        Assert.Throws<ArgumentNullException>(() => builder.WithOptions(null!));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await builder.WithOptions(new PipelineOptions { Threads = -1 }).LoadAsync());
    }

    [Fact]
    public async Task MediaRequests_ReadAsTheHouseStyleShowsThem()
    {
        ScriptedPipeline scripted = new(Script);
        IM2UGenPipeline pipeline = scripted;
        AudioClip song = ScriptedPipeline.Music.Audio;
        Assert.Equal("A violin.", (await pipeline.CaptionMusicAsync(song)).Text);
        Assert.Equal(M2UGenRequest.CaptionQuestion, scripted.LastRequest!.Prompt);
        Assert.Equal(ScriptedPipeline.Music, await pipeline.EditMusicAsync("Swap the drums for hand claps", song));
        AnswerResult answer = await pipeline.Prompt("Which instruments play?").WithAudio(song).WithImage("beach.jpg").WithVideo(MediaSource.FromBytes(new byte[] { 1 })).WithKnn(KnnOptions.Captioning).AskAsync();
        Assert.Equal("A violin.", answer.Text);
        Assert.Equal(KnnOptions.Captioning, scripted.LastRequest.Knn);
        await Assert.ThrowsAsync<ArgumentException>(() => pipeline.Prompt("Swap the drums").EditMusicAsync());
    }

    [Fact]
    public async Task Conversation_OverAPipelineOfTheApplicationsOwn_KeepsTurnsAndMusic()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline(Script);
        Conversation talk = pipeline.StartConversation(new ConversationOptions { MaxHistoryTurns = 4 });
        M2UGenResult first = await talk.SendAsync("Play a waltz");
        await foreach (GenerationUpdate update in talk.StreamAsync("Music for this", turn => turn.WithImage("beach.jpg")))
        {
            Assert.IsAssignableFrom<GenerationUpdate>(update);
        }

        Assert.Equal(["Play a waltz", "Music for this"], talk.Turns.Select(turn => turn.Prompt));
        Assert.Same(first.Music!.Audio, talk.LastMusic);
        Conversation other = talk.Branch();
        Assert.True(other.UndoLast());
        Conversation again = Conversation.FromJson(pipeline, talk.ToJson());
        Assert.Equal((2, 1, 2), (talk.Turns.Count, other.Turns.Count, again.Turns.Count));
        Assert.Null(again.LastMusic);
        again.SetLastMusic(talk.LastMusic);
        talk.Reset();
        Assert.Empty(talk.Turns);
    }

    [Fact]
    public void Request_Refined_LeavesTheFirstUnchanged()
    {
        IM2UGenPipeline pipeline = new ScriptedPipeline();
        M2UGenRequest first = pipeline.Prompt("Play");
        M2UGenRequest second = first.WithGeneration(GenerationOptions.Greedy).WithFidelity(Fidelity.Reference with { TrimToDuration = true })
            .WithAudioPrompt(ScriptedPipeline.Music.Audio).WithMelody(ScriptedPipeline.Music.Audio);
        Assert.Equal(GenerationOptions.Default, first.Generation);
        Assert.Null(first.Fidelity);
        Assert.Null(first.AudioPrompt);
        Assert.True(second.Fidelity!.TrimToDuration && second.Fidelity.KeepAudioTokensInCaption);
        Assert.Equal(0, second.Generation.Temperature);
        Assert.DoesNotContain("ScriptedPipeline", second.ToString(), StringComparison.Ordinal);
    }
}
