using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class MelFilterBankTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(200, 3)]
    [InlineData(1000, 15)]
    [InlineData(6400, 42)]
    public void ToMel_Slaney_IsLinearThenLogarithmic(double hertz, double mel)
    {
        Assert.Equal(mel, MelFilterBank.ToMel(hertz, slaney: true), 9);
        Assert.Equal(hertz, MelFilterBank.ToHertz(mel, slaney: true), 9);
    }

    [Fact]
    public void ToMel_Htk_IsTheBooksFormula()
    {
        Assert.Equal(2595 * Math.Log10(2), MelFilterBank.ToMel(700, slaney: false), 9);
        Assert.Equal(700, MelFilterBank.ToHertz(2595 * Math.Log10(2), slaney: false), 9);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Apply_FlatSpectrum_GivesTheTrianglesAreas(bool slaney)
    {
        // Many bins a triangle, so that sums come near areas: 1 for Slaney's, half the width for HTK's.
        const int Rate = 32000;
        const int Bins = 64001;
        MelFilterBank filters = new(Rate, Bins, 12, 300, 9000, slaney);
        double[] flat = new double[Bins];
        Array.Fill(flat, 16000.0 / (Bins - 1));
        double[] mel = new double[12];
        filters.Apply(flat, mel);
        double from = MelFilterBank.ToMel(300, slaney);
        double step = (MelFilterBank.ToMel(9000, slaney) - from) / 13;
        for (int i = 0; i < mel.Length; i++)
        {
            double width = MelFilterBank.ToHertz(from + ((i + 2) * step), slaney) - MelFilterBank.ToHertz(from + (i * step), slaney);
            Assert.Equal(slaney ? 1 : width / 2, mel[i], (slaney ? 1 : width) * 1e-4);
        }
    }

    [Fact]
    public void Apply_TriangleBetweenTwoBins_GivesNothing()
    {
        MelFilterBank filters = new(8000, 3, 40, 10, 100, slaney: true);
        double[] mel = new double[40];
        filters.Apply([1, 1, 1], mel);
        Assert.All(mel, value => Assert.Equal(0, value));
    }
}
