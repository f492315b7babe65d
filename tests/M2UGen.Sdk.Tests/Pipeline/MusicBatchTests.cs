using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Pipeline;

/// <summary>Several requests for music together, over a decoder that makes one after the other.</summary>
public sealed class MusicBatchTests
{
    private static readonly GenerationOptions Greedy = GenerationOptions.Greedy;

    private static int[] MusicAnswer => [.. FakeLanguage.Text("Here is a waltz."), .. FakeLanguage.Music, .. FakeLanguage.Stop];

    [Fact]
    public async Task GenerateMusicBatchAsync_SeveralPrompts_GivesEachItsOwnInOrder()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        IReadOnlyList<MusicResult> pieces = await pipeline.GenerateMusicBatchAsync(
            [.. Enumerable.Range(0, 3).Select(i => pipeline.Prompt($"piece {i}").WithMusic(new MusicOptions { Seed = (ulong)i }))]);
        Assert.Equal(["piece 0", "piece 1", "piece 2"], pieces.Select(piece => piece.Caption));
        Assert.Equal(["piece 0", "piece 1", "piece 2"], pieces.Select(piece => piece.Manifest.Prompt));
        Assert.Equal([0UL, 1UL, 2UL], pieces.Select(piece => piece.Seed));
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_Progress_AddsUpAndEndsWhole()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder());
        Recorder progress = new();
        await pipeline.GenerateMusicBatchAsync(pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).Variations(3), progress);
        Assert.Equal([1L, 2, 3], progress.Of(GenerationStage.Language).Select(stage => stage.Completed));
        StageProgress[] music = [.. progress.Of(GenerationStage.Music)];
        Assert.All(music, stage => Assert.Equal(3 * FakeMusicDecoder.Chunks, stage.Total));
        Assert.Equal(Enumerable.Range(1, 3 * FakeMusicDecoder.Chunks).Select(i => (long)i), music.Select(stage => stage.Completed));
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_TextAnswer_ThrowsBeforeAnyMusic()
    {
        FakeMusicDecoder music = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage([.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop]), music);
        MusicNotGeneratedException error = await Assert.ThrowsAsync<MusicNotGeneratedException>(
            () => pipeline.GenerateMusicBatchAsync(pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy).Variations(2)));
        Assert.Equal("A violin.", error.Answer);
        Assert.Null(music.LastRequest);
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_AnImpossibleRequest_IsRefusedBeforeAnyWork()
    {
        FakeLanguage language = new(MusicAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, new FakeMusicDecoder());
        M2UGenRequest good = pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => pipeline.GenerateMusicBatchAsync([good, good.WithMusic(new MusicOptions { TopK = -1 })]));
        await Assert.ThrowsAsync<ArgumentException>(() => pipeline.GenerateMusicBatchAsync([good, null!]));
        Assert.Empty(language.Calls);
        Assert.Empty(await pipeline.GenerateMusicBatchAsync([]));
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_Cancelled_EndsWithTheCallersTokenAndThePipelineGoesOn()
    {
        using CancellationTokenSource source = new();
        FakeLanguage language = new(MusicAnswer);
        int pieces = 0;
        FakeMusicDecoder music = new()
        {
            BeforeChunk = (chunk, _) =>
            {
                if (chunk == 0 && ++pieces == 2)
                {
                    source.Cancel();
                }
            },
        };
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, music);
        M2UGenRequest request = pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy);
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.GenerateMusicBatchAsync(request.Variations(3), cancellationToken: source.Token));
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal(0, language.Onnx.LiveRuns);
        Assert.Single(await pipeline.GenerateMusicBatchAsync([request]));
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_WithMedia_EncodesEachAndFollowsItsLength()
    {
        FakeEncoders encoders = new();
        Recorder progress = new();
        await using M2UGenPipeline pipeline = FakePipeline.Create(new FakeLanguage(MusicAnswer), new FakeMusicDecoder(), encoders: encoders);
        M2UGenRequest request = pipeline.Prompt(FakeLanguage.Question).WithGeneration(Greedy);
        IReadOnlyList<MusicResult> pieces = await pipeline.GenerateMusicBatchAsync([request.WithAudio(Fakes.Media.HalfSecond), request.WithImage(Fakes.Media.Picture)], progress);
        Assert.Equal(["audio", "prefix", "image", "prefix"], encoders.Calls);
        Assert.Equal([TimeSpan.FromSeconds(0.5), null], pieces.Select(piece => piece.Manifest.Music.Duration));
        Assert.Equal([1L, 2], progress.Of(GenerationStage.Encode).Select(stage => stage.Completed));
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_DisposedPipeline_Throws()
    {
        M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        await pipeline.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pipeline.GenerateMusicBatchAsync([pipeline.Prompt("a waltz")]));
    }

    [Fact]
    public async Task Variations_CountUpFromTheRequestsSeed()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        M2UGenRequest request = pipeline.Prompt("a waltz");
        Assert.Equal([5UL, 6, 7], request.WithMusic(new MusicOptions { Seed = 5 }).Variations(3).Select(variation => variation.Music.Seed!.Value));
        Assert.Equal([9UL, 10], request.WithGeneration(Greedy with { Seed = 9 }).Variations(2).Select(variation => variation.Music.Seed!.Value));
        Assert.NotEqual(request.Variations(1)[0].Music.Seed, request.Variations(1)[0].Music.Seed);
        Assert.Throws<ArgumentOutOfRangeException>(() => request.Variations(0));
    }

    private sealed class Recorder : IProgress<StageProgress>
    {
        private readonly List<StageProgress> _reports = [];

        public void Report(StageProgress value) => _reports.Add(value);

        public IEnumerable<StageProgress> Of(GenerationStage stage) => _reports.Where(report => report.Stage == stage);
    }
}
