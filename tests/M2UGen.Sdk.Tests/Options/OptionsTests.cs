namespace M2UGen.Sdk.Tests.Options;

public sealed class OptionsTests
{
    [Fact]
    public void Defaults_AreWithinTheirRanges()
    {
        OptionsCheck check = new();
        GenerationOptions.Default.Check(check);
        GenerationOptions.Greedy.Check(check);
        MusicOptions.Default.Check(check);
        PipelineOptions.Default.Check(check);
        check.ThrowIfAny();
    }

    [Fact]
    public void Defaults_AreTheReferencesDemoSettings()
    {
        Assert.Equal((512, 0.6, 0.8), (GenerationOptions.Default.MaxNewTokens, GenerationOptions.Default.Temperature, GenerationOptions.Default.TopP));
        Assert.Equal(0, GenerationOptions.Greedy.Temperature);
        Assert.Equal(MusicConditioningMode.Caption, MusicOptions.Default.Conditioning);
        Assert.Equal(Fidelity.Improved, PipelineOptions.Default.Fidelity);
    }

    [Fact]
    public void Fidelity_Presets_DifferAndCanBeMixed()
    {
        Assert.NotEqual(Fidelity.Improved, Fidelity.Reference);
        Assert.True(Fidelity.Improved.StopAtEndOfSequence);
        Assert.False(Fidelity.Reference.StopAtEndOfSequence);
        Assert.False((Fidelity.Improved with { StopAtEndOfSequence = false }).KeepAudioTokensInCaption);
    }

    public static TheoryData<string, GenerationOptions> BadGeneration => new()
    {
        { nameof(GenerationOptions.MaxNewTokens), new() { MaxNewTokens = 0 } },
        { nameof(GenerationOptions.Temperature), new() { Temperature = double.NaN } },
        { nameof(GenerationOptions.Temperature), new() { Temperature = -0.1 } },
        { nameof(GenerationOptions.Temperature), new() { Temperature = double.PositiveInfinity } },
        { nameof(GenerationOptions.TopP), new() { TopP = 1.01 } },
        { nameof(GenerationOptions.TopP), new() { TopP = double.NaN } },
        { nameof(GenerationOptions.TopK), new() { TopK = 0 } },
        { nameof(GenerationOptions.MinP), new() { MinP = -1 } },
        { nameof(GenerationOptions.TypicalP), new() { TypicalP = 0 } },
    };

    public static TheoryData<string, MediaOptions> BadMedia => new()
    {
        { nameof(MediaOptions.FFmpegPath), new() { FFmpegPath = " " } },
        { nameof(MediaOptions.FFmpegTimeout), new() { FFmpegTimeout = TimeSpan.Zero } },
        { nameof(MediaOptions.MaxFileBytes), new() { MaxFileBytes = 0 } },
        { nameof(MediaOptions.MaxDuration), new() { MaxDuration = TimeSpan.FromSeconds(-1) } },
        { nameof(MediaOptions.MaxDecodedBytes), new() { MaxDecodedBytes = -1 } },
        { nameof(MediaOptions.MaxPixels), new() { MaxPixels = 0 } },
        { nameof(MediaOptions.MaxFrames), new() { MaxFrames = 0 } },
    };

    public static TheoryData<string, MusicOptions> BadMusic => new()
    {
        { nameof(MusicOptions.Duration), new() { Duration = TimeSpan.Zero } },
        { nameof(MusicOptions.Duration), new() { Duration = TimeSpan.FromSeconds(-1) } },
        { nameof(MusicOptions.Duration), new() { Duration = TimeSpan.FromHours(10) } },
        { nameof(MusicOptions.MaxNewTokens), new() { MaxNewTokens = 0 } },
        { nameof(MusicOptions.MaxNewTokens), new() { MaxNewTokens = 40, Duration = TimeSpan.FromSeconds(3) } },
        { nameof(MusicOptions.Conditioning), new() { Conditioning = (MusicConditioningMode)9 } },
        { nameof(MusicOptions.GuidanceScale), new() { GuidanceScale = 0.5 } },
        { nameof(MusicOptions.GuidanceScale), new() { GuidanceScale = double.NegativeInfinity } },
        { nameof(MusicOptions.Temperature), new() { Temperature = -1 } },
        { nameof(MusicOptions.TopK), new() { TopK = -1 } },
        { nameof(MusicOptions.TopP), new() { TopP = -0.1 } },
        { nameof(MusicOptions.MinP), new() { MinP = double.NaN } },
        { nameof(MusicOptions.TypicalP), new() { TypicalP = 2 } },
        { nameof(MusicOptions.Quality), new() { Quality = (MusicQuality)9 } },
        { nameof(MusicOptions.Diffusion), new() { Diffusion = null! } },
        { nameof(DiffusionOptions.Steps), new() { Diffusion = new() { Steps = 0 } } },
        { nameof(DiffusionOptions.Eta), new() { Diffusion = new() { Eta = 1.5 } } },
        { nameof(DiffusionOptions.WaveformsPerPrompt), new() { Diffusion = new() { WaveformsPerPrompt = 65 } } },
        { nameof(DiffusionOptions.SolverOrder), new() { Diffusion = new() { SolverOrder = 4 } } },
        { nameof(DiffusionOptions.Scheduler), new() { Diffusion = new() { Scheduler = (DiffusionScheduler)99 } } },
        { nameof(DiffusionOptions.Spacing), new() { Diffusion = new() { Spacing = (TimestepSpacing)9 } } },
    };

    public static TheoryData<string, PipelineOptions> BadPipeline => new()
    {
        { nameof(PipelineOptions.Threads), new() { Threads = 0 } },
        { nameof(PipelineOptions.MaxConcurrentRequests), new() { MaxConcurrentRequests = 0 } },
        { nameof(PipelineOptions.MaxConcurrentRequests), new() { MaxConcurrentRequests = 2, Memory = MemoryPolicy.OneStageAtATime } },
        { nameof(PipelineOptions.MaxConcurrentRequests), new() { MaxConcurrentRequests = 2, MemoryBudget = 1 << 30 } },
        { nameof(PipelineOptions.MemoryBudget), new() { MemoryBudget = 0 } },
        { nameof(PipelineOptions.LoadEagerly), new() { LoadEagerly = true, MemoryBudget = 1 << 30 } },
        { nameof(PipelineOptions.StreamBufferSize), new() { StreamBufferSize = 0 } },
        { nameof(PipelineOptions.CachedPrompts), new() { CachedPrompts = 65 } },
        { nameof(PipelineOptions.MusicBatchSize), new() { MusicBatchSize = 0 } },
        { nameof(PipelineOptions.PrefillChunkSize), new() { PrefillChunkSize = -1 } },
        { nameof(PipelineOptions.Fidelity), new() { Fidelity = null! } },
        { nameof(PipelineOptions.Media), new() { Media = null! } },
        { nameof(MediaOptions.MaxPixels), new() { Media = new() { MaxPixels = -1 } } },
    };

    [Theory]
    [MemberData(nameof(BadGeneration), DisableDiscoveryEnumeration = true)]
    public void Generation_OutOfRange_NamesTheOption(string name, GenerationOptions options) => Refused(name, options.Check);

    [Theory]
    [MemberData(nameof(BadMusic), DisableDiscoveryEnumeration = true)]
    public void Music_OutOfRange_NamesTheOption(string name, MusicOptions options) => Refused(name, options.Check);

    [Theory]
    [MemberData(nameof(BadPipeline), DisableDiscoveryEnumeration = true)]
    public void Pipeline_OutOfRange_NamesTheOption(string name, PipelineOptions options) => Refused(name, options.Check);

    [Theory]
    [MemberData(nameof(BadMedia), DisableDiscoveryEnumeration = true)]
    public void Media_OutOfRange_NamesTheOption(string name, MediaOptions options) => Refused(name, options.Check);

    private static void Refused(string name, Action<OptionsCheck> run)
    {
        OptionsCheck check = new();
        run(check);
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(check.ThrowIfAny);
        Assert.Equal(name, error.ParamName);
        Assert.Contains($".{name} is ", error.Message, StringComparison.Ordinal);
    }
}
