using M2UGen.Sdk.Media.Audio;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class KaiserResamplerTests
{
    [Fact]
    public void Resample_ThreeTimesTheRate_IsTheClosedForm()
    {
        float[] x = [.. Enumerable.Range(0, 150).Select(i => MathF.Sin(i * 0.7f) * (i % 7))];
        float[] y = new KaiserResampler(16000, 48000).Resample(x);
        Assert.Equal(450, y.Length);
        double[] taps = [.. Enumerable.Range(-450, 901).Select(H)];
        float[] expected = [.. Enumerable.Range(0, 450).Select(n => (float)x.Select((value, k) => value * taps[n - (3 * k) + 450]).Sum())];
        Near.Equal(expected, y, 1e-6, "samples");
    }

    [Theory]
    [InlineData(16000, 48000)]
    [InlineData(44100, 48000)]
    [InlineData(96000, 48000)]
    [InlineData(8000, 48000)]
    [InlineData(48000, 32000)]
    [InlineData(47999, 48000)] // more phases than are kept
    public void Resample_TonesBelowBothHalves_KeepTheirWave(int from, int to)
    {
        const double Frequency = 880;
        float[] x = [.. Enumerable.Range(0, from / 20).Select(i => (float)Math.Sin(Math.Tau * Frequency * i / from))];
        float[] y = new KaiserResampler(from, to).Resample(x);
        Assert.Equal((((long)x.Length * to) + from - 1) / from, y.Length);
        int edge = y.Length / 4;
        float[] expected = [.. Enumerable.Range(0, y.Length).Select(i => (float)Math.Sin(Math.Tau * Frequency * i / to))];
        Near.Equal(expected.AsSpan(edge, y.Length - (2 * edge)), y.AsSpan(edge, y.Length - (2 * edge)), 1e-4, "tone");
    }

    [Fact]
    public void Resample_SameRate_ChangesNothing() => Assert.Equal([1f, -2f, 3f], new KaiserResampler(22050, 22050).Resample([1, -2, 3]));

    [Fact]
    public void Resample_NoSamples_GivesNone() => Assert.Empty(new KaiserResampler(16000, 48000).Resample([]));

    /// <summary>The case's formula: 581 taps, Kaiser's window.</summary>
    private static double H(int z)
    {
        const double Fc = 0.31895727;
        const double Beta = 13.04003976;
        double u = Math.PI * Fc * z;
        return Math.Abs(z) > 290
            ? 0
            : 3 * Fc * (z == 0 ? 1 : Math.Sin(u) / u) * I0(Beta * Math.Sqrt(1 - Math.Pow(z / 290.5, 2))) / I0(Beta);
    }

    /// <summary>The Bessel function by its integral.</summary>
    private static double I0(double x)
    {
        const int Steps = 200;
        return Enumerable.Range(0, Steps).Sum(i => Math.Exp(x * Math.Cos(Math.PI * (i + 0.5) / Steps))) / Steps;
    }
}
