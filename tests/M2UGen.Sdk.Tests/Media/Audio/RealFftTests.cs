using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class RealFftTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(25)]
    [InlineData(64)]
    [InlineData(400)]
    public void PowerSpectrum_AnyLength_EqualsTheDefinition(int length)
    {
        double[] frame = [.. Enumerable.Range(0, length).Select(i => Math.Sin(i * i * 0.1) + (0.3 * i / length))];
        RealFft fft = new(length);
        double[] power = new double[fft.BinCount];
        fft.PowerSpectrum(frame, power);
        for (int k = 0; k < power.Length; k++)
        {
            double re = 0;
            double im = 0;
            for (int t = 0; t < length; t++)
            {
                re += frame[t] * Math.Cos(2 * Math.PI * k * t / length);
                im -= frame[t] * Math.Sin(2 * Math.PI * k * t / length);
            }

            Assert.Equal((re * re) + (im * im), power[k], 1e-8);
        }
    }
}
