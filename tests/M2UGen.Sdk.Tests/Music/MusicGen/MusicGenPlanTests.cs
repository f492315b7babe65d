using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class MusicGenPlanTests
{
    // 32 kHz, 640 samples a frame, 4 codebooks, a table of 100 positions unless a test says otherwise.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 5)]
    [InlineData(6, 3)]
    [InlineData(7, 4)]
    [InlineData(64, 61)]
    public void Create_MaxNewTokens_GivesTheFramesOfTheDelayPattern(int tokens, int frames)
    {
        MusicGenPlan plan = Plan(new MusicOptions { MaxNewTokens = tokens });

        Assert.Equal(frames, plan.FrameCount);
        Assert.Equal(frames * 640, plan.SampleCount);
        Assert.Equal(tokens, plan.Steps);
        Assert.Equal([new MusicGenWindow(0, 0, tokens)], plan.Windows);
    }

    [Theory]
    [InlineData(1.0, 50, 32000)]
    [InlineData(1.00001, 51, 32000)]
    [InlineData(1.0001, 51, 32003)]
    [InlineData(0.02, 3, 640)]
    [InlineData(0.000001, 3, 1)]
    public void Create_Duration_RoundsFramesUpAndKeepsTheExactLength(double seconds, int frames, int samples)
    {
        MusicGenPlan plan = Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(seconds) });

        Assert.InRange(plan.FrameCount, Math.Min(frames, (samples + 639) / 640), frames);
        Assert.Equal(samples, plan.SampleCount);
        Assert.True(plan.FrameCount * 640 >= plan.SampleCount);
        Assert.Equal(plan.FrameCount + 3, plan.Steps);
    }

    [Theory]
    [InlineData(10, 512)]
    [InlineData(0.02, 1)]
    [InlineData(1, 51)]
    public void Create_ReferenceDuration_TakesTheReferencesSteps(double seconds, int steps)
    {
        MusicGenPlan plan = Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(seconds) }, Fidelity.Reference, positions: 2048);

        Assert.Equal(steps, plan.Steps);
        Assert.Equal(plan.FrameCount * 640, plan.SampleCount);
    }

    [Fact]
    public void Create_ReferenceDurationBelowOneStep_IsRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { Duration = TimeSpan.FromMilliseconds(10) }, Fidelity.Reference));

        Assert.Contains("longer duration", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(80, 20)]
    public void Create_ExactlyAllPositions_IsOnePass(int tokens, int prefix)
    {
        // The start and all tokens but the last are fed: as many positions as new tokens, and the prefix.
        Assert.Single(Plan(new MusicOptions { MaxNewTokens = tokens }, Fidelity.Reference, prefix: prefix).Windows);
        Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { MaxNewTokens = tokens + 1 }, Fidelity.Reference, prefix: prefix));
    }

    [Fact]
    public void Create_BeyondPositions_KeepsHalfAPassInView()
    {
        MusicGenPlan plan = Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(5) });

        // 97 frames a pass: 97, then 48 in view and 49 new each time.
        Assert.Equal(
            [new MusicGenWindow(0, 0, 100), new MusicGenWindow(49, 48, 52), new MusicGenWindow(98, 48, 52), new MusicGenWindow(147, 48, 52), new MusicGenWindow(196, 48, 9)],
            plan.Windows);
        Assert.Equal(250, plan.FrameCount);
        Assert.All(plan.Windows, window => Assert.True(window.PromptFrames + window.NewTokens <= 100));
    }

    [Fact]
    public void Create_PromptLongerThanAPass_StartsFromItsEnd()
    {
        MusicGenPlan plan = Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(5) }, prompt: 200);

        Assert.Equal([new MusicGenWindow(152, 48, 52), new MusicGenWindow(201, 48, 4)], plan.Windows);
    }

    [Fact]
    public void Create_DurationWithPrompt_CountsThePrompt()
    {
        MusicGenPlan plan = Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(1) }, prompt: 20);

        Assert.Equal(32000, plan.SampleCount);
        Assert.Equal([new MusicGenWindow(0, 20, 33)], plan.Windows);
        Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(0.4) }, prompt: 20));
    }

    [Fact]
    public void Create_NoDurationWithPrompt_AddsTheDefaultToThePrompt()
    {
        MusicGenPlan plan = Plan(MusicOptions.Default, prompt: 20, positions: 2048);

        Assert.Equal(320000 + (20 * 640), plan.SampleCount);
    }

    [Fact]
    public void Create_TooFewTokensBehindAPrompt_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { MaxNewTokens = 2 }, prompt: 20));
        Assert.Equal(20, Plan(new MusicOptions { MaxNewTokens = 3 }, prompt: 20).FrameCount);
    }

    [Fact]
    public void Create_TableTooShortForPasses_SaysSo()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { Duration = TimeSpan.FromSeconds(5) }, prefix: 95));

        Assert.Contains("positions", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_MoreSoundThanAnArrayHolds_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Plan(new MusicOptions { MaxNewTokens = 1_000_000 }, samplesPerFrame: 6400));
    }

    private static MusicGenPlan Plan(MusicOptions options, Fidelity? fidelity = null, int prompt = 0, int prefix = 0, int positions = 100, int samplesPerFrame = 640) =>
        MusicGenPlan.Create(TinyConfig.Create(codebooks: 4, channels: 1, positions, samplesPerFrame), options, fidelity ?? Fidelity.Improved, prompt, prefix);
}
