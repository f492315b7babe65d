using M2UGen.Sdk.Media.Video;
using M2UGen.Sdk.Sampling;
using M2UGen.Sdk.Tests.Fakes;
using FakeMedia = M2UGen.Sdk.Tests.Fakes.Media;

namespace M2UGen.Sdk.Tests.Pipeline;

/// <summary>Requests that bring films: which frames are seen, and how long the music becomes.</summary>
public sealed class FilmRequestTests
{
    private static int[] MusicAnswer => [.. FakeLanguage.Text("A waltz."), .. FakeLanguage.Music, .. FakeLanguage.Stop];

    [Theory]
    [InlineData(9)]
    [InlineData(FakeEncoders.Frames)]
    [InlineData(2)]
    public async Task AskAsync_Improved_SeesFramesOfTheWholeFilm(int count)
    {
        int[] seen = await SeenAsync(count, Fidelity.Improved, seed: 5);
        Assert.Equal(FrameSampler.SpreadEvenly(count, FakeEncoders.Frames), seen);
    }

    [Theory]
    [InlineData(90, 7UL)]
    [InlineData(90, 8UL)]
    [InlineData(90, 0x1_0000_0007UL)]
    [InlineData(3, 7UL)]
    public async Task AskAsync_ConsecutiveFrames_AreNumpysChoiceForTheSeed(int count, ulong seed)
    {
        Fidelity fidelity = Fidelity.Improved with { ConsecutiveVideoFrames = true };
        int[] seen = await SeenAsync(count, fidelity, seed);
        Assert.Equal(FrameSampler.ReferenceWindow(count, FakeEncoders.Frames, RandomStreams.NumpySeed(seed)), seen);
        Assert.Equal(seen, await SeenAsync(count, fidelity, seed));
    }

    [Theory]
    [InlineData(7UL, 7U)]
    [InlineData(uint.MaxValue, uint.MaxValue)]
    [InlineData(0x1_0000_0007UL, 6U)]
    public void NumpySeed_BelowTheRange_IsTheSeedItself(ulong seed, uint expected) => Assert.Equal(expected, RandomStreams.NumpySeed(seed));

    [Fact]
    public async Task Manifest_NamesTheFramesThatWereSeen()
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), encoders: encoders);
        AnswerResult five = await Ask(pipeline).WithVideo(Film(5)).AskAsync();
        AnswerResult again = await Ask(pipeline).WithVideo(Film(5)).AskAsync();
        AnswerResult six = await Ask(pipeline).WithVideo(Film(6)).AskAsync();
        Assert.Equal(five.Manifest.VideoHash, again.Manifest.VideoHash);
        Assert.NotEqual(five.Manifest.VideoHash, six.Manifest.VideoHash);
        Assert.Equal(3, encoders.Calls.Count(call => call == "video"));
    }

    [Theory]
    [InlineData(null, null, null, 3.25)]
    [InlineData(null, 1.5, null, 1.5)]
    [InlineData(2.0, 1.5, null, 2)]
    [InlineData(null, null, 0.5, 3.25)]
    [InlineData(null, 1.5, 0.5, 1.5)]
    public async Task GenerateMusicAsync_Length_IsAskedForOrTheSoundsOrTheFilmsAndLastTheLastMusics(double? asked, double? sound, double? lastMusic, double expected)
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), music, encoders: new FakeEncoders());
        Conversation conversation = pipeline.StartConversation(new ConversationOptions
        {
            Generation = GenerationOptions.Greedy,
            Music = new MusicOptions { Duration = asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null },
        });
        conversation.SetLastMusic(lastMusic is { } last ? FakeMedia.Sound(last) : null);
        await conversation.SendAsync(FakeLanguage.Question, turn => sound is { } s ? turn.WithVideo(Film(5)).WithAudio(FakeMedia.Sound(s)) : turn.WithVideo(Film(5)));
        Assert.Equal(TimeSpan.FromSeconds(expected), music.LastRequest!.Options.Duration);
    }

    [Fact]
    public async Task AskAsync_EverythingAtOnce_EachEncodedOnceInTheOrderOfThePrefix()
    {
        FakeLanguage language = new(MusicAnswer);
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, encoders: encoders);
        await Ask(pipeline).WithVideo(Film(5)).WithImage(FakeMedia.Picture).WithAudio(FakeMedia.HalfSecond).AskAsync();
        Assert.Equal(["audio", "image", "video", "prefix"], encoders.Calls);
        Assert.Equal([1f, 2, 3, 9], language.Prefix!);
    }

    private static async Task<int[]> SeenAsync(int count, Fidelity fidelity, ulong seed)
    {
        FakeEncoders encoders = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), encoders: encoders);
        await Ask(pipeline).WithGeneration(GenerationOptions.Greedy with { Seed = seed }).WithFidelity(fidelity).WithVideo(Film(count)).AskAsync();
        return [.. encoders.Video!.Select(frame => (int)frame.Rgb.Span[0])];
    }

    /// <summary>Frames whose one pixel is their number; 3.25 s.</summary>
    private static VideoClip Film(int count) =>
        VideoClip.FromFrames([.. Enumerable.Range(0, count).Select(i => ImageFrame.FromRgb([(byte)i, 0, 0], 1, 1))], TimeSpan.FromSeconds(3.25));

    private static M2UGenRequest Ask(M2UGenPipeline pipeline) => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy);
}
