using M2UGen.Export;
using M2UGen.Sdk;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Whole requests to an AudioLDM2 with made-up weights, exported from its directory: what it plays means nothing, but every part of it runs.</summary>
public sealed class AudioLdm2RequestTests(AudioLdm2RequestTests.TinyAudioLdm2 tiny) : IClassFixture<AudioLdm2RequestTests.TinyAudioLdm2>
{
    private const string Caption = "A calm piano piece at dusk";

    // 0.57 s is a length that the reference makes too short.
    private static readonly MusicOptions Short = new()
    {
        Duration = TimeSpan.FromSeconds(0.57),
        Seed = 5,
        Diffusion = new DiffusionOptions { Scheduler = DiffusionScheduler.DpmSolver, Steps = 3, WaveformsPerPrompt = 3 },
    };

    [Fact]
    public async Task GenerateMusicAsync_Candidates_AreRankedAndRepeatable()
    {
        MusicResult music = await tiny.Pipeline.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        MusicResult again = await tiny.Pipeline.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        MusicResult alone = await tiny.Pipeline.Prompt(Caption).WithMusic(Short with { Diffusion = Short.Diffusion with { WaveformsPerPrompt = 1 } }).GenerateMusicAsync();

        Assert.Equal((16000, 1, 9120L), (music.Audio.SampleRate, music.Audio.Channels, music.Audio.Samples.Length));
        Assert.Equal([0, 1, 2], music.Candidates!.Select(candidate => candidate.Index).Order());
        Assert.Equal(music.Candidates!.OrderByDescending(candidate => candidate.Score), music.Candidates);
        Assert.Same(music.Candidates![0].Audio, music.Audio);
        Assert.Equal(music.Candidates!.Select(candidate => candidate.Score), again.Candidates!.Select(candidate => candidate.Score));
        Assert.Equal(music.Audio.Samples.ToArray(), again.Audio.Samples.ToArray());
        Assert.Equal(music.Candidates!.Single(candidate => candidate.Index == 0).Audio.Samples.ToArray(), alone.Audio.Samples.ToArray());
        Assert.True(music.Audio.Samples.Span.ToArray().Distinct().Count() > 1000, "The sound is flat: nothing could differ.");
    }

    [Fact]
    public async Task StreamAsync_TellsStepsAndPreviews_AndSendsTheSoundInOnePiece()
    {
        MusicOptions options = Short with { Diffusion = Short.Diffusion with { PreviewInterval = 2, WaveformsPerPrompt = 2 } };
        List<LatentPreview> previews = [];
        List<StageProgress> steps = [];
        List<AudioChunk> chunks = [];
        await foreach (GenerationUpdate update in tiny.Pipeline.Prompt(Caption).WithMusic(options).StreamAsync())
        {
            switch (update)
            {
                case LatentPreview preview: previews.Add(preview); break;
                case StageProgress { Stage: GenerationStage.Music } step: steps.Add(step); break;
                case AudioChunk chunk: chunks.Add(chunk); break;
                default: break;
            }
        }

        Assert.Equal([(0, 2), (1, 2)], previews.Select(preview => (preview.Candidate, preview.Step)));
        Assert.All(previews, preview => Assert.Equal(preview.Channels * preview.Height * preview.Width, preview.Latents.Length));
        Assert.Equal(Enumerable.Range(0, 7).Select(step => step / 6.0), steps.Select(step => step.Fraction).Distinct());
        Assert.Equal(9120, Assert.Single(chunks).Samples.Length);
    }

    [Fact]
    public async Task GenerateMusicAsync_WithinABudget_UnloadsBetweenStagesAndGivesTheSameMusic()
    {
        MusicResult kept = await tiny.Pipeline.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        MemoryPlanOptions options = new() { Music = Short };
        MemoryPlan all = MemoryPlan.For(tiny.BundlePath, options);
        MemoryPlan least = MemoryPlan.For(tiny.BundlePath, options with { Memory = MemoryPolicy.OneStageAtATime });
        Assert.Equal(["clap-text,t5,projection,gpt2", "unet-time,unet-condition,unet", "vae-decoder,vocoder", "clap-text,clap-audio"], all.Steps.Select(step => string.Join(',', step.Components)));
        Assert.True(least.PeakBytes < all.PeakBytes);

        await using M2UGenPipeline frugal = await M2UGenPipeline.FromBundle(tiny.BundlePath).WithOptions(new PipelineOptions { Threads = 1 }).UseMemoryBudget((least.PeakBytes + all.PeakBytes) / 2).LoadAsync();
        Assert.True(frugal.PlanMemory(frugal.Prompt(Caption).WithMusic(Short)).Unloads);
        for (int request = 0; request < 2; request++)
        {
            MusicResult frugalMusic = await frugal.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
            Assert.Equal(kept.Audio.Samples.ToArray(), frugalMusic.Audio.Samples.ToArray());
        }
    }

    [Fact]
    public async Task GenerateMusicAsync_OneStageAtATime_GivesTheSameMusic()
    {
        MusicResult kept = await tiny.Pipeline.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        await using M2UGenPipeline frugal = await M2UGenPipeline.FromBundle(tiny.BundlePath).WithOptions(new PipelineOptions { Threads = 1, Memory = MemoryPolicy.OneStageAtATime }).LoadAsync();
        MusicResult released = await frugal.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        MusicResult second = await frugal.Prompt(Caption).WithMusic(Short).GenerateMusicAsync();
        Assert.Equal(kept.Audio.Samples.ToArray(), released.Audio.Samples.ToArray());
        Assert.Equal(kept.Audio.Samples.ToArray(), second.Audio.Samples.ToArray());
    }

    [Fact]
    public async Task GenerateMusicAsync_LongerThanClapHears_IsRankedByTheSeed()
    {
        MusicOptions options = Short with { Duration = TimeSpan.FromSeconds(12), Diffusion = Short.Diffusion with { Steps = 1, WaveformsPerPrompt = 2 } };
        MusicResult music = await tiny.Pipeline.Prompt(Caption).WithMusic(options).GenerateMusicAsync();
        MusicResult again = await tiny.Pipeline.Prompt(Caption).WithMusic(options).GenerateMusicAsync();
        Assert.Equal(12 * 16000, music.Audio.Samples.Length);
        Assert.All(music.Candidates!, candidate => Assert.InRange(candidate.Score!.Value, -1.001, 1.001));
        Assert.Equal(music.Candidates!.Select(candidate => candidate.Score), again.Candidates!.Select(candidate => candidate.Score));
    }

    [Fact]
    public async Task StreamAsync_CancelledInTheDiffusion_Stops()
    {
        using CancellationTokenSource source = new();
        MusicOptions options = Short with { Diffusion = Short.Diffusion with { Steps = 900 } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationUpdate update in tiny.Pipeline.Prompt(Caption).WithMusic(options).StreamAsync(source.Token))
            {
                if (update is StageProgress { Stage: GenerationStage.Music, Fraction: > 0 and < 0.5 })
                {
                    await source.CancelAsync();
                }
            }
        });
    }

    /// <summary>The model, exported once.</summary>
    public sealed class TinyAudioLdm2 : IAsyncLifetime
    {
        private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-audioldm2-").FullName;

        public string BundlePath => Path.Combine(folder, "bundle");

        public M2UGenPipeline Pipeline { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            string source = Directory.CreateDirectory(Path.Combine(folder, "source")).FullName;
            ReducedAudioLdm2.Write(source, seed: 2);
            await Exporter.ExportAsync(new ExportOptions { Source = source, OutputPath = BundlePath });
            Pipeline = await M2UGenPipeline.FromBundle(BundlePath).WithOptions(new PipelineOptions { Threads = 1 }).LoadAsync();
        }

        public async Task DisposeAsync()
        {
            await Pipeline.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }
}
