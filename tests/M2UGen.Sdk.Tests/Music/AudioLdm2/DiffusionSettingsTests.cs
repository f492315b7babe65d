using M2UGen.Sdk.Music.AudioLdm2;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

public sealed class DiffusionSettingsTests
{
    private readonly AudioLdm2Config _config = new FakeAudioLdm2().Config;

    [Fact]
    public void Of_Nothing_IsTheRelease()
    {
        DiffusionSettings settings = DiffusionSettings.Of(_config, MusicOptions.Default);
        Assert.Equal(
            (DiffusionScheduler.Ddim, 200, 3.5, "Low quality.", 3),
            (settings.Scheduler, settings.Steps, settings.GuidanceScale, settings.NegativePrompt, settings.Waveforms));
        Assert.Equal(0, settings.SchedulerConfig.Eta);
    }

    [Fact]
    public void Of_APreset_GivesWayToWhatIsSet()
    {
        MusicOptions options = new() { Quality = MusicQuality.Draft };
        DiffusionSettings draft = DiffusionSettings.Of(_config, options);
        DiffusionSettings own = DiffusionSettings.Of(_config, options with { Diffusion = new() { Steps = 33, Scheduler = DiffusionScheduler.Lms, WaveformsPerPrompt = 2, KarrasSigmas = true } });
        Assert.Equal((DiffusionScheduler.DpmSolver, 20, 1, true), (draft.Scheduler, draft.Steps, draft.Waveforms, draft.SchedulerConfig.UseKarrasSigmas));
        Assert.False(DiffusionSettings.Of(_config, options with { Diffusion = new() { Scheduler = DiffusionScheduler.Heun } }).SchedulerConfig.UseKarrasSigmas);
        Assert.Equal((DiffusionScheduler.Lms, 33, 2, true), (own.Scheduler, own.Steps, own.Waveforms, own.SchedulerConfig.UseKarrasSigmas));
    }

    [Fact]
    public void Of_ReferenceQuality_IsWhatTheReleaseDoes() =>
        Assert.Equal(DiffusionSettings.Of(_config, MusicOptions.Default), DiffusionSettings.Of(_config, new() { Quality = MusicQuality.Reference }));

    [Theory]
    [InlineData(0.29, 28, 28, 7, 4640, 4512)]
    [InlineData(1.0, 100, 100, 25, 16000, 16032)]
    [InlineData(1.3, 130, 132, 33, 20800, 21152)]
    [InlineData(10, 1000, 1000, 250, 160000, 160032)]
    public void ReferenceLength_IsTheReferences(double seconds, int frames, int rounded, int height, int kept, int made)
    {
        VocoderConfig vocoder = new(64, 16000, 160, 32);
        int found = AudioLdm2Plan.ReferenceFrames(seconds, vocoder);
        int up = AudioLdm2Plan.RoundUp(found, 4);
        Assert.Equal((frames, rounded, height, kept, made), (found, up, up / 4, AudioLdm2Plan.ReferenceSamples(seconds, vocoder), vocoder.SampleCount(up)));
        AudioLdm2Plan plan = AudioLdm2Plan.Create(vocoder, new VaeConfig(8, 1, 4), TimeSpan.FromSeconds(seconds), Fidelity.Reference);
        Assert.Equal((height, 16, Math.Min(kept, made)), (plan.LatentHeight, plan.LatentWidth, plan.SampleCount));
    }

    [Fact]
    public void ImprovedLength_IsNeverShort()
    {
        VocoderConfig vocoder = new(64, 16000, 160, 32);
        for (int hundredths = 10; hundredths <= 6000; hundredths++)
        {
            TimeSpan duration = TimeSpan.FromMilliseconds(hundredths * 10);
            AudioLdm2Plan plan = AudioLdm2Plan.Create(vocoder, new VaeConfig(8, 1, 4), duration, Fidelity.Improved);
            Assert.Equal(hundredths * 160, plan.SampleCount);
            Assert.InRange(vocoder.SampleCount(plan.LatentHeight * 4), plan.SampleCount, plan.SampleCount + (4 * 160) + 32);
        }
    }
}
