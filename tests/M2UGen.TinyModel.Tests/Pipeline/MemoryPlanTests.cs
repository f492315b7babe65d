using M2UGen.Sdk;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Plans of real bundles, and requests that keep a budget.</summary>
public sealed class MemoryPlanTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private static readonly MusicOptions HalfSecond = new() { Duration = TimeSpan.FromSeconds(0.5), Seed = 11 };

    [Fact]
    public void For_EverySense_GoesThroughAllComponentsInTheirOrder()
    {
        MemoryPlan plan = MemoryPlan.For(tiny.BundlePath, new MemoryPlanOptions { AudioDuration = TimeSpan.FromSeconds(3), HasImage = true, HasVideo = true, Music = HalfSecond with { Conditioning = MusicConditioningMode.Both } });
        Assert.Equal(
            ["mert", "vit", "vivit", "prefix-audio", "prefix-image", "prefix-video", "llama", "projector", "t5", "encodec-decoder", "musicgen-condition", "musicgen-decoder"],
            plan.Steps.SelectMany(step => step.Loads));
        Assert.Equal(plan.Steps.Max(step => step.AnonymousBytes), plan.PeakBytes);
        Assert.All(plan.Steps, step => Assert.InRange(step.AnonymousBytes, plan.BaseBytes, long.MaxValue));
        Assert.False(plan.Unloads);
    }

    [Fact]
    public void For_LongerOfEverything_NeedsMore()
    {
        MemoryPlanOptions options = new() { Music = HalfSecond, PromptTokens = 16, NewTokens = 16 };
        long least = MemoryPlan.For(tiny.BundlePath, options).PeakBytes;
        Assert.All<MemoryPlanOptions>(
            [
                options with { Music = HalfSecond with { Duration = TimeSpan.FromSeconds(30) } },
                options with { NewTokens = 500 },
                options with { AudioDuration = TimeSpan.FromSeconds(60) },
            ],
            longer => Assert.True(MemoryPlan.For(tiny.BundlePath, longer).PeakBytes > least, longer.ToString()));
    }

    [Fact]
    public void For_WeightsOfEveryComponent_AreFoundInItsFiles()
    {
        ModelBundle bundle = ModelBundle.Open(tiny.BundlePath);
        ComponentMemory memory = new(bundle);
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            // Tables are hardly read; nothing else is left out, and nothing is counted twice.
            WeightMemory weights = memory.WeightsOf(name);
            Assert.True(weights.MappedBytes + weights.LoadingBytes <= component.Files.Sum(file => file.Size), name);
            Assert.True(weights.AnonymousBytes > 0, name);
        }
    }

    [Fact]
    public void For_MediumWithoutItsEncoder_SaysWhichComponentIsMissing()
    {
        UnsupportedCapabilityException error = Assert.Throws<UnsupportedCapabilityException>(() => MemoryPlan.For(tiny.LanguageOnlyPath, new MemoryPlanOptions { HasImage = true }));
        Assert.Contains("'vit'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2_000_000)]
    public void For_NumbersOutOfRange_AreRefused(int tokens) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryPlan.For(tiny.BundlePath, new MemoryPlanOptions { NewTokens = tokens }));

    [Fact]
    public async Task Budget_BelowWhatMustBeThere_RefusesBeforeAnyWork()
    {
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(tiny.BundlePath).UseMemoryBudget(19_000_000).LoadAsync();
        MemoryBudgetException error = await Assert.ThrowsAsync<MemoryBudgetException>(() => pipeline.AskAsync("Which instruments play?"));
        Assert.True(error.RequiredBytes > error.BudgetBytes);
        Assert.Throws<MemoryBudgetException>(() => pipeline.PlanMemory(pipeline.Prompt("Which instruments play?")));
    }

    [Fact]
    public async Task Budget_ThatHoldsOneStage_UnloadsAndGivesTheSameMusic()
    {
        MusicResult free = await Music(tiny.Pipeline).GenerateMusicAsync();
        MemoryPlan all = await PlanAsync(MemoryPolicy.KeepLoaded);
        MemoryPlan stages = await PlanAsync(MemoryPolicy.OneStageAtATime);
        Assert.False(all.Unloads);
        Assert.True(stages.PeakBytes < all.PeakBytes);

        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(tiny.BundlePath).WithOptions(new PipelineOptions { Threads = 1 }).UseMemoryBudget((all.PeakBytes + stages.PeakBytes) / 2).LoadAsync();
        MemoryPlan plan = pipeline.PlanMemory(Music(pipeline));
        Assert.True(plan.Unloads);
        Assert.InRange(plan.PeakBytes, 0, plan.BudgetBytes!.Value);
        for (int request = 0; request < 2; request++)
        {
            MusicResult kept = await Music(pipeline).GenerateMusicAsync();
            Assert.Equal(free.Audio.Samples.ToArray(), kept.Audio.Samples.ToArray());
        }
    }

    /// <summary>From a pipeline that has loaded nothing.</summary>
    private async Task<MemoryPlan> PlanAsync(MemoryPolicy policy)
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Memory = policy });
        return pipeline.PlanMemory(Music(pipeline));
    }

    private static M2UGenRequest Music(IM2UGenPipeline pipeline) =>
        pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond).WithGeneration(GenerationOptions.Greedy with { Seed = 3 });
}
