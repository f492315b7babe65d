using System.Collections.Concurrent;
using M2UGen.Sdk;
using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.Extensions.Logging.Abstractions;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Not beside other tests: the tensors that are alive are counted for the whole process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CountsTensors
{
    public const string Name = "counts tensors";
}

/// <summary>Many requests of all kinds at once, some of which are stopped and some of which fail.</summary>
[Collection(CountsTensors.Name)]
public sealed class OverlapTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private const int Requests = 48;

    private static readonly MusicOptions Short = new() { Duration = TimeSpan.FromSeconds(0.3) };

    [Fact]
    public async Task OverlappingRequests_SomeStoppedSomeFailing_TheOthersGiveWhatTheyGiveAloneAndNothingIsLeft()
    {
        string[] alone = new string[Kinds.Length];
        await using (M2UGenPipeline single = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, CachedPrompts = 0, MusicBatchSize = 1 }))
        {
            for (int i = 0; i < Kinds.Length; i++)
            {
                alone[i] = await Kinds[i](single, CancellationToken.None);
            }
        }

        Assert.Equal(Kinds.Length, alone.Distinct().Count());
        long before = NativeTensor.Alive;
        ConcurrentDictionary<string, CountedModel> models = [];
        int stopped = 0;
        int failed = 0;
        await using (M2UGenPipeline pipeline = Load(new PipelineOptions { Threads = 1, MaxConcurrentRequests = 3, CachedPrompts = 2 }, models))
        {
            await Task.WhenAll(Enumerable.Range(0, Requests).Select(async i =>
            {
                int kind = i % Kinds.Length;
                switch (i % 6)
                {
                    case 2:
                        CountedModel.FailsAfter.Value = new StrongCount(i % 11);
                        InferenceException failure = await Assert.ThrowsAsync<InferenceException>(() => Kinds[kind](pipeline, CancellationToken.None));
                        Assert.Contains("on purpose", failure.Message, StringComparison.Ordinal);
                        Interlocked.Increment(ref failed);
                        break;
                    case 4:
                        using (CancellationTokenSource source = new())
                        {
                            CountedModel.StopsAfter.Value = new StrongCount(i % 13, source.Cancel);
                            OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Kinds[kind](pipeline, source.Token));
                            Assert.Equal(source.Token, cancelled.CancellationToken);
                            Interlocked.Increment(ref stopped);
                        }

                        break;
                    default:
                        Assert.Equal(alone[kind], await Kinds[kind](pipeline, CancellationToken.None));
                        break;
                }
            }));
        }

        Assert.Equal((Requests / 6, Requests / 6), (stopped, failed));
        Assert.NotEmpty(models);
        Assert.All(models, model => Assert.Equal((model.Key, 0), (model.Key, model.Value.LiveRuns)));
        Assert.Equal(before, NativeTensor.Alive);
    }

    /// <summary>What is asked for; each gives a text that names its result.</summary>
    private static Func<M2UGenPipeline, CancellationToken, Task<string>>[] Kinds { get; } =
    [
        async (pipeline, token) => Name(await pipeline.Prompt("Tell me about the harp.").WithGeneration(Sampled(1)).AskAsync(token)),
        async (pipeline, token) => Name(await pipeline.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_x.png")).WithGeneration(Sampled(2)).AskAsync(token)),
        async (pipeline, token) => Name(await pipeline.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_y.png")).WithGeneration(Sampled(3)).AskAsync(token)),
        async (pipeline, token) => Name(await pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(Short with { Seed = 4 }).GenerateMusicAsync(token)),
        async (pipeline, token) => Name(await pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(Short with { Seed = 5, Conditioning = MusicConditioningMode.Embedding }).GenerateMusicAsync(token)),
        async (pipeline, token) => string.Join('\n', (await pipeline.GenerateMusicBatchAsync(pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(Short with { Seed = 6 }).Variations(2), cancellationToken: token)).Select(Name)),
        async (pipeline, token) =>
        {
            Conversation talk = pipeline.StartConversation(new ConversationOptions { Generation = Sampled(7), MaxHistoryTurns = 3, Music = Short });
            M2UGenResult first = await talk.SendAsync("Which instruments play in the second part of the piece?", cancellationToken: token);
            return Name(first) + Name(await talk.SendAsync("And what else?", cancellationToken: token));
        },
    ];

    private static GenerationOptions Sampled(ulong seed) => new() { Temperature = 1.2, TopP = 1, Seed = seed, MaxNewTokens = 16 };

    private static string Name(AnswerResult answer) => string.Join(' ', answer.TokenIds);

    private static string Name(MusicResult music) => $"{Name(music.Answer!)}: {ContentHash.Of(music.Audio)}";

    private static string Name(M2UGenResult result) => result.Music is { } music ? Name(music) : Name(result.Answer!);

    private M2UGenPipeline Load(PipelineOptions options, ConcurrentDictionary<string, CountedModel> counted)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(tiny.BundlePath);
        RuntimeOptions runtime = new(Threads: 1);
        ModelSet models = new(component => counted[component] = new CountedModel(OnnxModel.Load(bundle, component, runtime)));
        return new M2UGenPipeline(BundleParts.Open(bundle, models, runtime, options, ownMusic: null), options, NullLogger.Instance);
    }

    /// <summary>A number that counts down over all runs of one request, and does something at zero.</summary>
    private sealed class StrongCount(int runs, Action? atZero = null)
    {
        private int _left = runs;

        public bool IsDown()
        {
            if (Interlocked.Decrement(ref _left) >= 0)
            {
                return false;
            }

            atZero?.Invoke();
            return true;
        }
    }

    /// <summary>A real graph that knows how many callers hold runs of it, and that can be made to fail, or to stop its caller, in the middle of a request.</summary>
    private sealed class CountedModel(IOnnxModel model) : IOnnxModel
    {
        private int _liveRuns;

        /// <summary>Of the request that set it: it flows with the request to the thread that runs it.</summary>
        public static AsyncLocal<StrongCount?> FailsAfter { get; } = new();

        /// <inheritdoc cref="FailsAfter"/>
        public static AsyncLocal<StrongCount?> StopsAfter { get; } = new();

        public int LiveRuns => Volatile.Read(ref _liveRuns);

        public string Component => model.Component;

        public BundleComponent Description => model.Description;

        public IModelRun CreateRun()
        {
            Interlocked.Increment(ref _liveRuns);
            return new Run(model.CreateRun(), this);
        }

        public void Dispose()
        {
            Assert.Equal(0, LiveRuns);
            model.Dispose();
        }

        private sealed class Run(IModelRun run, CountedModel owner) : IModelRun
        {
            public void BindInput(string name, NativeTensor tensor) => run.BindInput(name, tensor);

            public void BindOutput(string name, NativeTensor tensor) => run.BindOutput(name, tensor);

            public void BindOutputToAllocated(string name) => run.BindOutputToAllocated(name);

            public NativeTensor TakeOutput(string name) => run.TakeOutput(name);

            void IModelRun.Run(CancellationToken cancellationToken)
            {
                StopsAfter.Value?.IsDown();
                if (FailsAfter.Value?.IsDown() is true)
                {
                    throw new InferenceException(owner.Component, "failed on purpose");
                }

                run.Run(cancellationToken);
            }

            public void Dispose()
            {
                run.Dispose();
                Interlocked.Decrement(ref owner._liveRuns);
            }
        }
    }
}
