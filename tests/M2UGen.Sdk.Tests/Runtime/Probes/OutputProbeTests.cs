using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Sdk.Tests.Runtime.Probes;

public sealed class OutputProbeTests
{
    private static readonly float[] Numbers = [.. Enumerable.Range(0, 1000).Select(i => MathF.Sin(i))];

    [Fact]
    public void Of_Floats_KeepsEvenlySpacedValuesAndNorms()
    {
        OutputProbe probe = Of(Numbers);

        Assert.Equal([1000L], probe.Shape);
        Assert.Equal(4, probe.Values.Count);
        Assert.Equal(0, probe.Values[0]);
        Assert.Equal(Math.Sin(999), probe.Values[3], 1e-5);
        Assert.Equal(Math.Sqrt(0.5), probe.Rms, 1e-3);
        Assert.Equal(0, OutputProbe.Deviation(probe, Of(Numbers), isFloating: true));
    }

    [Fact]
    public void Deviation_OneElementBetweenTheKeptOnes_ShowsInTheProjection()
    {
        float[] changed = [.. Numbers];
        changed[500] += 1;

        double deviation = OutputProbe.Deviation(Of(Numbers), Of(changed), isFloating: true);

        Assert.InRange(deviation, 1 / Math.Sqrt(1000), 0.1);
    }

    [Fact]
    public void Deviation_RoundingErrors_StayNearTheirSize()
    {
        float[] near = [.. Numbers.Select((value, i) => value * (1 + (((i % 7) - 3) * 1e-6f)))];
        Assert.InRange(OutputProbe.Deviation(Of(Numbers), Of(near), isFloating: true), 1e-8, 1e-5);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Deviation_NotFinite_IsInfinite(float value)
    {
        float[] changed = [.. Numbers];
        changed[500] = value;
        Assert.False(Of(changed).IsFinite);
        Assert.Equal(double.PositiveInfinity, OutputProbe.Deviation(Of(Numbers), Of(changed), isFloating: true));
    }

    [Fact]
    public void Deviation_OtherShape_IsInfinite() =>
        Assert.Equal(double.PositiveInfinity, OutputProbe.Deviation(Of(Numbers), Of(Numbers[..999]), isFloating: true));

    [Fact]
    public void Deviation_RecordedZeros_AnythingElseIsInfinite()
    {
        Assert.Equal(0, OutputProbe.Deviation(Of([0, 0]), Of([0, 0]), isFloating: true));
        Assert.Equal(double.PositiveInfinity, OutputProbe.Deviation(Of([0, 0]), Of([0, 1e-9f]), isFloating: true));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(4, 0)]
    [InlineData(5, 1.25)]
    [InlineData(32, 8)]
    public void Deviation_Integers_AllowsAnEighthToDiffer(int different, double expected)
    {
        long[] codes = [.. Enumerable.Range(0, 32).Select(i => (long)i)];
        using NativeTensor one = NativeTensor.Of<long>(codes, 1, 4, 8);
        using NativeTensor other = NativeTensor.Of<long>([.. codes.Select(code => code < different ? code + 1000 : code)], 1, 4, 8);
        Assert.Equal(expected, OutputProbe.Deviation(OutputProbe.Of(one), OutputProbe.Of(other), isFloating: false));
    }

    [Fact]
    public void Of_NothingAtAll_IsFinite()
    {
        OutputProbe empty = Of([]);
        Assert.True(empty.IsFinite);
        Assert.Equal(0, OutputProbe.Deviation(empty, Of([]), isFloating: true));
    }

    private static OutputProbe Of(float[] values)
    {
        using NativeTensor tensor = NativeTensor.Of<float>(values, values.Length);
        return OutputProbe.Of(tensor);
    }
}
