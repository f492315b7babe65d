using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class LifetimeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int[] EndlessAnswer => FakeLanguage.Text("la la la la la la");

    [Fact]
    public async Task Cancel_InsideAStep_EndsWithTheCallersToken()
    {
        using CancellationTokenSource source = new();
        FakeLanguage language = new(EndlessAnswer, (index, _) =>
        {
            if (index == 3)
            {
                source.Cancel();
            }
        });
        await using M2UGenPipeline pipeline = FakePipeline.Create(language);
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync(source.Token));
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal(0, language.Onnx.LiveRuns);
    }

    [Fact]
    public async Task Cancel_BeforeTheStart_DoesNoWork()
    {
        FakeLanguage language = new(EndlessAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language);
        CancellationToken cancelled = new(canceled: true);
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync(cancelled));
        Assert.Equal(cancelled, error.CancellationToken);
        Assert.Empty(language.Calls);
    }

    [Fact]
    public async Task StreamAsync_LeftEarly_StopsTheWork()
    {
        FakeLanguage language = new(EndlessAnswer);
        await using M2UGenPipeline pipeline = FakePipeline.Create(language, options: PipelineOptions.Default with { StreamBufferSize = 1 });
        await foreach (GenerationUpdate update in pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).StreamAsync())
        {
            if (update is StageProgress { Completed: 2 })
            {
                break;
            }
        }

        // Leaving waits for the worker, so nothing runs any more, and the limit of 512 tokens was far away.
        Assert.Equal(0, language.Onnx.LiveRuns);
        Assert.True(language.Calls.Count < 20, $"{language.Calls.Count} calls");
    }

    [Fact]
    public async Task OverlappingCalls_QueueForTheDevice()
    {
        int running = 0;
        int most = 0;
        FakeMusicDecoder music = new()
        {
            BeforeChunk = (i, _) =>
            {
                if (i == 0)
                {
                    int now = Interlocked.Increment(ref running);
                    most = Math.Max(most, now);
                }

                Thread.Yield();
                if (i == FakeMusicDecoder.Chunks - 1)
                {
                    Interlocked.Decrement(ref running);
                }
            },
        };
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: music, family: "musicgen");
        MusicResult[] results = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            pipeline.Prompt($"piece {i}").WithMusic(new MusicOptions { Seed = (ulong)i }).GenerateMusicAsync()));
        Assert.Equal(1, most);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (ulong)i), results.Select(r => r.Seed));
    }

    [Fact]
    public async Task OverlappingCalls_TwoAllowed_RunTogether()
    {
        using Barrier both = new(2);
        FakeMusicDecoder music = new() { BeforeChunk = (i, token) => Assert.True(i > 0 || both.SignalAndWait(Patience, token)) };
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: music, family: "musicgen", options: PipelineOptions.Default with { MaxConcurrentRequests = 2 });
        await Task.WhenAll(pipeline.GenerateMusicAsync("a"), pipeline.GenerateMusicAsync("b"));
    }

    [Fact]
    public async Task DisposeAsync_WhileRunning_CancelsWaitsAndFrees()
    {
        using ManualResetEventSlim started = new();
        FakeLanguage language = new(EndlessAnswer, (index, token) =>
        {
            started.Set();
            if (index > 0)
            {
                // A step that only cancellation ends.
                token.WaitHandle.WaitOne(Patience);
            }
        });
        M2UGenPipeline pipeline = FakePipeline.Create(language);
        Task<AnswerResult> running = pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync();
        Task<AnswerResult> waiting = pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync();
        Assert.True(started.Wait(Patience));
        await pipeline.DisposeAsync();
        Assert.True(language.Onnx.Disposed);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync());
        await pipeline.DisposeAsync();
    }

    [Fact]
    public async Task DisposeAsync_WhileAReaderPauses_DoesNotWaitForIt()
    {
        FakeLanguage language = new(EndlessAnswer);
        M2UGenPipeline pipeline = FakePipeline.Create(language, options: PipelineOptions.Default with { StreamBufferSize = 1 });
        await using IAsyncEnumerator<GenerationUpdate> reader = pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).StreamAsync().GetAsyncEnumerator();
        Assert.True(await reader.MoveNextAsync());
        await pipeline.DisposeAsync().AsTask().WaitAsync(Patience);
        Assert.True(language.Onnx.Disposed);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            while (await reader.MoveNextAsync())
            {
            }
        });
    }

    [Fact]
    public async Task AFailedStep_ReachesTheCaller_AndThePipelineGoesOn()
    {
        bool fail = true;
        FakeLanguage language = new([.. FakeLanguage.Text("Yes."), .. FakeLanguage.Stop], (_, _) =>
        {
            if (fail)
            {
                throw new InferenceException("llama", "broken on purpose");
            }
        });
        await using M2UGenPipeline pipeline = FakePipeline.Create(language);
        InferenceException error = await Assert.ThrowsAsync<InferenceException>(() => pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync());
        Assert.Equal("llama", error.Component);
        fail = false;
        Assert.Equal("Yes.", (await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync()).Text);
    }
}
