using M2UGen.Sdk.Encoders.Mert;

namespace M2UGen.Sdk.Tests.Encoders.Mert;

/// <summary>Windows of a clip at the encoder's rate are the pieces of the whole clip at that rate.</summary>
public sealed class WindowReaderTests
{
    [Theory]
    [InlineData(44100, 24000, 1)]
    [InlineData(44100, 24000, 2)]
    [InlineData(24000, 24000, 3)]
    [InlineData(8000, 24000, 2)]
    [InlineData(47999, 24000, 1)]
    public void Read_Windows_AreThePiecesOfTheWhole(int rate, int target, int channels)
    {
        Random random = new(7);
        float[] samples = [.. Enumerable.Range(0, rate / 10 * channels).Select(_ => random.NextSingle() - 0.5f)];
        AudioClip clip = AudioClip.FromSamples(samples, rate, channels);
        float[] whole = clip.Resample(target).ToMono().Samples.ToArray();
        WindowReader reader = new(clip, target);
        Assert.Equal(whole.Length, reader.Length);

        const int Window = 700;
        for (int start = 0; start < whole.Length; start += Window)
        {
            float[] window = new float[Math.Min(Window, whole.Length - start)];
            reader.Read(start, window);
            Assert.Equal(whole[start..(start + window.Length)], window);
        }
    }
}
