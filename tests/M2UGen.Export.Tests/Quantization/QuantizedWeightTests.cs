using M2UGen.Export.Graph;
using M2UGen.Export.Quantization;

namespace M2UGen.Export.Tests.Quantization;

public sealed class QuantizedWeightTests
{
    [Fact]
    public void WriteTo_InAnyOrder_GivesTheSameBytes()
    {
        // More rows than a piece holds, and rows that end inside a block.
        Weight weight = Numbers.Weight("w", 3, 1, 3000, 700);
        BlockFormat format = new(4, 64, isSymmetric: false, searchesScales: false);
        QuantizedWeight inOrder = new(weight, format);
        byte[][] first = [Bytes(inOrder.Codes), Bytes(inOrder.Scales), Bytes(inOrder.ZeroPoints!)];
        QuantizedWeight backwards = new(weight, format);
        byte[][] second = [Bytes(backwards.ZeroPoints!), Bytes(backwards.Scales), Bytes(backwards.Codes)];

        Assert.Equal([3000, 11, 32], inOrder.Codes.Shape);
        Assert.Equal(3000 * 11 * 32, first[0].Length);
        Assert.Equal(3000 * 11 * 4, first[1].Length);
        Assert.Equal(3000 * 6, first[2].Length);
        Assert.Equal(first[0], second[2]);
        Assert.Equal(first[1], second[1]);
        Assert.Equal(first[2], second[0]);
    }

    [Fact]
    public void WriteTo_StackOfWeights_EqualsTheWholeMatrix()
    {
        Weight upper = Numbers.Weight("upper", 1, 1, 5, 40);
        Weight lower = Numbers.Weight("lower", 2, 3, 7, 40);
        Weight whole = Weight.Of("whole", [12, 40], [.. upper.Load(), .. lower.Load()]);
        BlockFormat format = new(8, 32);

        Assert.Equal(Bytes(new QuantizedWeight(whole, format).Codes), Bytes(new QuantizedWeight(Weight.Stack("stack", upper, lower), format).Codes));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void WriteTo_NotFinite_SaysWhichMatrixAndRow(float value)
    {
        float[] elements = new float[4 * 32];
        elements[70] = value;
        QuantizedWeight weight = new(Weight.Of("layers.0.wq", [4, 32], elements), new BlockFormat(4, 32));

        ExportException error = Assert.Throws<ExportException>(() => Bytes(weight.Codes));

        Assert.Contains("'layers.0.wq'", error.Message, StringComparison.Ordinal);
        Assert.Contains("row 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Float16Initializer_TooLarge_IsKnownWhenItIsWritten()
    {
        Float16Initializer fits = new(Weight.Of("table", [2], [1, -65504]));
        Assert.Equal([0x00, 0x3C, 0xFF, 0xFB], Bytes(fits));
        Assert.False(fits.IsBeyondRange);

        foreach (float beyond in new[] { 70000, float.NaN, float.NegativeInfinity })
        {
            Float16Initializer weight = new(Weight.Of("table", [2], [1, beyond]));
            Bytes(weight);
            Assert.True(weight.IsBeyondRange);
        }
    }

    private static byte[] Bytes(InitializerData data)
    {
        using MemoryStream stream = new();
        Assert.Equal(data.WriteTo(stream), stream.Length);
        return stream.ToArray();
    }
}
