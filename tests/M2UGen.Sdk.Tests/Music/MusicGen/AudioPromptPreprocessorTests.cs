using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class AudioPromptPreprocessorTests
{
    [Fact]
    public void Prepare_StereoForMono_TakesTheMean()
    {
        float[][] prepared = Mono().Prepare(AudioClip.FromSamples([1, 0, 0.5f, -0.5f], 32000, 2));

        Assert.Equal([0.5f, 0], Assert.Single(prepared));
    }

    [Fact]
    public void Prepare_ForStereo_KeepsTwoChannelsAndDoublesOne()
    {
        AudioPromptPreprocessor stereo = new(TinyConfig.Create(codebooks: 8, channels: 2));

        Assert.Equal([[1, 0.5f], [0, -0.5f]], stereo.Prepare(AudioClip.FromSamples([1, 0, 0.5f, -0.5f], 32000, 2)));
        Assert.Equal([[0.25f], [0.25f]], stereo.Prepare(AudioClip.FromSamples([0.25f], 32000)));
        Assert.Equal([[0.5f], [0.5f]], stereo.Prepare(AudioClip.FromSamples([1, 0.5f, 0], 32000, 3)));
    }

    [Fact]
    public void Prepare_AnotherRate_Resamples()
    {
        Assert.Equal(3200, Mono().Prepare(AudioClip.FromSamples(new float[1600], 16000))[0].Length);
    }

    [Fact]
    public void Prepare_EmptyOrNotANumber_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Mono().Prepare(AudioClip.FromSamples([], 32000)));
        Assert.Throws<ArgumentException>(() => Mono().Prepare(AudioClip.FromSamples([0, float.NaN], 32000)));
        Assert.Throws<ArgumentException>(() => Mono().Prepare(AudioClip.FromSamples([float.PositiveInfinity], 32000)));
    }

    [Fact]
    public void Pad_UnequalPrompts_GetZerosOnTheLeft()
    {
        AudioPrompts prompts = Mono().Pad([[[1, 2, 3]], [[4]]]);

        Assert.Equal([1, 2, 3, 0, 0, 4], prompts.Values);
        Assert.Equal([1, 1, 1, 0, 0, 1], prompts.Mask);
        Assert.Equal([0, 2], prompts.Padding);
        Assert.Equal(3, prompts.SampleCount);
    }

    private static AudioPromptPreprocessor Mono() => new(TinyConfig.Create(codebooks: 4, channels: 1));
}
