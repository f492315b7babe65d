using M2UGen.Sdk.Tests.Fakes;
using FakeMedia = M2UGen.Sdk.Tests.Fakes.Media;

namespace M2UGen.Sdk.Tests.Conversations;

public sealed class ConversationTests
{
    private static readonly ConversationOptions Greedy = ConversationOptions.Default with { Generation = GenerationOptions.Greedy, Music = new MusicOptions { Seed = 3 } };

    private static int[] MusicAnswer => [.. FakeLanguage.Text("A waltz."), .. FakeLanguage.Music, .. FakeLanguage.Stop];

    private static int[] TextAnswer => [.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop];

    [Fact]
    public async Task SendAsync_SecondTurn_HearsTheFirstOnesMusicAsItWasMade()
    {
        FakeEncoders encoders = new();
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music, encoders: encoders);
        Conversation conversation = pipeline.StartConversation(Greedy);
        M2UGenResult first = await conversation.SendAsync(FakeLanguage.Question);
        Assert.Empty(encoders.Calls);
        Assert.Same(first.Music!.Audio, conversation.LastMusic);

        M2UGenResult second = await conversation.SendAsync(FakeLanguage.Question);
        Assert.Same(first.Music.Audio, encoders.Audio);
        Assert.Equal(["audio", "prefix"], encoders.Calls);
        Assert.Equal(first.Music.Audio.Duration, music.LastRequest!.Options.Duration);
        Assert.Same(second.Music!.Audio, conversation.LastMusic);
        Assert.Equal(2, conversation.Turns.Count);
        Assert.Equal(conversation.Turns[0].MusicHash, second.Manifest.AudioHash);
        Assert.Null(second.Manifest.HistoryHash);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SendAsync_TurnBringsSound_FidelityDecidesWhichIsHeard(bool reference)
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: encoders);
        Conversation conversation = pipeline.StartConversation(Greedy with { Fidelity = Fidelity.Improved with { LastMusicReplacesAudio = reference } });
        await conversation.SendAsync(FakeLanguage.Question, turn => turn.WithAudio(FakeMedia.HalfSecond));
        Assert.Same(FakeMedia.HalfSecond, encoders.Audio);
        AudioClip upload = FakeMedia.Sound(0.3);
        AudioClip? last = conversation.LastMusic;
        await conversation.SendAsync(FakeLanguage.Question, turn => turn.WithAudio(upload));
        Assert.Same(reference ? last : upload, encoders.Audio);
    }

    [Fact]
    public async Task SendAsync_BundleThatCannotHear_LeavesTheLastMusicOut()
    {
        await using M2UGenPipeline talker = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder());
        Conversation conversation = talker.StartConversation(Greedy);
        await conversation.SendAsync(FakeLanguage.Question);
        M2UGenResult second = await conversation.SendAsync(FakeLanguage.Question);
        Assert.Null(second.Manifest.AudioHash);

        await using M2UGenPipeline musicOnly = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        Conversation player = musicOnly.StartConversation();
        await player.SendAsync("piano");
        Assert.Equal("flute", (await player.SendAsync("flute")).Music!.Caption);
        Assert.Equal(["", ""], player.Turns.Select(turn => turn.Answer));
    }

    [Fact]
    public async Task SendAsync_HearsLastMusicOff_HearsNothing()
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: encoders);
        Conversation conversation = pipeline.StartConversation(Greedy with { HearsLastMusic = false });
        await conversation.SendAsync(FakeLanguage.Question);
        await conversation.SendAsync(FakeLanguage.Question);
        Assert.Empty(encoders.Calls);
        Assert.NotNull(conversation.LastMusic);
    }

    [Fact]
    public async Task SendAsync_History_IsOfferedAndNamedInTheManifest()
    {
        FakeLanguage language = new(TextAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language);

        // All of the context is the answer's, so the history is offered and does not fit; the fake knows its one prompt only.
        Conversation conversation = pipeline.StartConversation(Greedy with { MaxHistoryTurns = 2, Generation = GenerationOptions.Greedy with { MaxNewTokens = 1024 } });
        string?[] hashes = new string?[4];
        for (int i = 0; i < hashes.Length; i++)
        {
            hashes[i] = (await conversation.SendAsync(FakeLanguage.Question)).Manifest.HistoryHash;
        }

        Assert.Null(hashes[0]);
        Assert.NotEqual(hashes[1], hashes[2]);

        // The two youngest of three turns read like the two of before.
        Assert.Equal(hashes[2], hashes[3]);
    }

    [Fact]
    public async Task UndoLast_GoesBackToTheMusicBefore()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: new FakeEncoders());
        Conversation conversation = pipeline.StartConversation(Greedy);
        await conversation.SendAsync(FakeLanguage.Question);
        AudioClip? first = conversation.LastMusic;
        IReadOnlyList<ConversationTurn> snapshot = conversation.Turns;
        await conversation.SendAsync(FakeLanguage.Question);
        Assert.NotSame(first, conversation.LastMusic);
        Assert.Single(snapshot);
        Assert.True(conversation.UndoLast());
        Assert.Same(first, conversation.LastMusic);
        Assert.Single(conversation.Turns);
        Assert.True(conversation.UndoLast());
        Assert.Null(conversation.LastMusic);
        Assert.False(conversation.UndoLast());
        Assert.Empty(conversation.Turns);
    }

    [Fact]
    public async Task Branch_GoesItsOwnWay()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: new FakeEncoders());
        Conversation trunk = pipeline.StartConversation(Greedy);
        await trunk.SendAsync(FakeLanguage.Question);
        Conversation branch = trunk.Branch();
        await branch.SendAsync(FakeLanguage.Question);
        trunk.Reset();
        Assert.Equal((0, 2), (trunk.Turns.Count, branch.Turns.Count));
        Assert.Null(trunk.LastMusic);
        Assert.NotNull(branch.LastMusic);
        Assert.True(branch.UndoLast());
        Assert.Single(branch.Turns);
    }

    [Fact]
    public async Task StreamAsync_LeftEarly_ChangesNothingAndTheNextTurnMayCome()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder());
        Conversation conversation = pipeline.StartConversation(Greedy);
        await foreach (GenerationUpdate update in conversation.StreamAsync(FakeLanguage.Question))
        {
            if (update is AudioChunk)
            {
                Assert.Throws<InvalidOperationException>(conversation.Reset);
                Assert.Throws<InvalidOperationException>(() => conversation.UndoLast());
                await Assert.ThrowsAsync<InvalidOperationException>(() => conversation.SendAsync("now?"));
                Assert.Empty(conversation.Branch().Turns);
                break;
            }
        }

        Assert.Empty(conversation.Turns);
        Assert.Null(conversation.LastMusic);
        await conversation.SendAsync(FakeLanguage.Question);
        Assert.Single(conversation.Turns);
    }

    [Fact]
    public async Task StreamAsync_Completed_TurnIsThereWhenItIsTold()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer));
        Conversation conversation = pipeline.StartConversation(Greedy);
        string text = "";
        await foreach (GenerationUpdate update in conversation.StreamAsync(FakeLanguage.Question))
        {
            text += (update as TextDelta)?.Text;
            if (update is GenerationCompleted)
            {
                Assert.Equal("A violin.", Assert.Single(conversation.Turns).Answer);
            }
        }

        Assert.Equal("A violin.", text);
    }

    [Fact]
    public async Task SendAsync_FailureOrCancel_ChangesNothing()
    {
        bool fail = true;
        FakeLanguage language = new(TextAnswer, (_, _) =>
        {
            if (fail)
            {
                throw new InferenceException("llama", "broken on purpose");
            }
        });
        await using M2UGenPipeline pipeline = FakePipeline.Create(language);
        Conversation conversation = pipeline.StartConversation(Greedy);
        await Assert.ThrowsAsync<InferenceException>(() => conversation.SendAsync(FakeLanguage.Question));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => conversation.SendAsync(FakeLanguage.Question, null, new CancellationToken(canceled: true)));
        await Assert.ThrowsAsync<ArgumentException>(() => conversation.SendAsync(" "));
        await Assert.ThrowsAsync<ArgumentException>(() => conversation.SendAsync("x", _ => null!));
        Assert.Empty(conversation.Turns);
        fail = false;
        await conversation.SendAsync(FakeLanguage.Question);
        Assert.Single(conversation.Turns);
    }

    [Fact]
    public async Task SetLastMusic_IsHeardByTheNextTurn_AndUndone()
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(TextAnswer), encoders: encoders);
        Conversation conversation = pipeline.StartConversation(Greedy);
        conversation.SetLastMusic(FakeMedia.HalfSecond);
        await conversation.SendAsync(FakeLanguage.Question);
        Assert.Same(FakeMedia.HalfSecond, encoders.Audio);
        conversation.SetLastMusic(null);
        Assert.Null(conversation.LastMusic);
        Assert.True(conversation.UndoLast());
        Assert.Same(FakeMedia.HalfSecond, conversation.LastMusic);
    }

    [Fact]
    public void StartConversation_OptionOutOfRange_IsRefused()
    {
        M2UGenPipeline pipeline = FakePipeline.Create();
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.StartConversation(
            new ConversationOptions { MaxHistoryTurns = -1, Generation = new GenerationOptions { TopP = 2 } }));
        Assert.Contains("TopP", error.Message, StringComparison.Ordinal);
    }
}
