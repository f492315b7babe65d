namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class AudioClipTests
{
    [Fact]
    public void FromSamples_ChangedAfterwards_KeepsItsOwn()
    {
        float[] samples = [1f, 2f, 3f, 4f];
        AudioClip clip = AudioClip.FromSamples(samples, 2, 2);
        samples[0] = 9f;
        Assert.Equal(1f, clip.Samples.Span[0]);
        Assert.Equal(2, clip.SampleCount);
        Assert.Equal(TimeSpan.FromSeconds(1), clip.Duration);
        Assert.Equal([1.5f, 3.5f], clip.ToMono().Samples.ToArray());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(AudioClip.MaxSampleRate + 1, 1)]
    [InlineData(8000, 0)]
    [InlineData(8000, 3)]
    public void FromSamples_BadShape_Refuses(int rate, int channels) => Assert.ThrowsAny<ArgumentException>(() => AudioClip.FromSamples([1f, 2f], rate, channels));

    [Fact]
    public async Task LoadAsync_MissingFile_IsTheSystemsOwnError() =>
        await Assert.ThrowsAnyAsync<IOException>(() => AudioClip.LoadAsync(Path.Combine(Path.GetTempPath(), "m2ugen-no-such-folder", "no.wav")));
}
