using M2UGen.Export.Graph;
using M2UGen.Export.Quantization;

namespace M2UGen.Export.Tests.Quantization;

public sealed class BlockQuantizerTests
{
    [Fact]
    public void QuantizeRow_PlainSymmetric_GivesTheLargestCodeZeroAndKeepsItsSign()
    {
        float[] row = new float[32];
        (row[3], row[4], row[5]) = (1f, -0.5f, 0.25f);

        (byte[] codes, float[] scales, _) = Quantize(new BlockFormat(4, 32, searchesScales: false), row);

        Assert.Equal(-0.125f, scales[0]);
        Assert.Equal([8, 8, 8, 0, 12, 6], Enumerable.Range(0, 6).Select(i => (codes[i / 2] >> (4 * (i & 1))) & 15));
    }

    [Fact]
    public void QuantizeRow_PlainAsymmetric_UsesTheWholeRange()
    {
        float[] row = [.. Enumerable.Range(0, 32).Select(i => i * 0.5f)];

        (byte[] codes, float[] scales, byte[] zeroPoints) = Quantize(new BlockFormat(8, 32, isSymmetric: false, searchesScales: false), row);

        Assert.Equal(15.5f / 255, scales[0]);
        Assert.Equal(0, zeroPoints[0]);
        Assert.Equal((0, 255), (codes[0], codes[31]));
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(8, true)]
    [InlineData(8, false)]
    public void QuantizeRow_BlockOfZeros_GivesZerosBack(int bits, bool isSymmetric)
    {
        // The second block holds numbers whose scale would have no reciprocal.
        float[] row = new float[64];
        row.AsSpan(32).Fill(1e-44f);
        BlockFormat format = new(bits, 32, isSymmetric);
        (byte[] codes, float[] scales, byte[] zeroPoints) = Quantize(format, row);
        float[] back = new float[64];
        BlockQuantizer.DequantizeRow(format, codes, scales, zeroPoints, back);

        Assert.All(scales, scale => Assert.Equal(0, scale));
        Assert.All(back, weight => Assert.Equal(0, weight));
    }

    [Theory]
    [InlineData(4, 16, true, 0.95)]
    [InlineData(4, 256, true, 0.98)]
    [InlineData(4, 32, true, 0.95)]
    [InlineData(4, 128, true, 0.97)]
    [InlineData(4, 32, false, 0.97)]
    [InlineData(4, 128, false, 0.97)]
    [InlineData(8, 64, true, 1)]
    [InlineData(8, 64, false, 1)]
    public void QuantizeRow_SearchingScales_HasASmallerErrorInEveryBlockAndOnTheWhole(int bits, int block, bool isSymmetric, double mostOfPlain)
    {
        float[] row = Bells(block * 200);

        double[] plain = Errors(new BlockFormat(bits, block, isSymmetric, searchesScales: false), row);
        double[] searched = Errors(new BlockFormat(bits, block, isSymmetric, searchesScales: true), row);

        Assert.All(plain.Zip(searched), pair => Assert.True(pair.Second <= pair.First * (1 + 1e-5), $"{pair}"));
        double ratio = Math.Sqrt(searched.Sum() / plain.Sum());
        Assert.True(ratio < mostOfPlain, $"{ratio} of the plain rule's error");
    }

    [Fact]
    public void BlockFormat_NoSuchFormat_IsRefused()
    {
        Assert.Contains("4 or 8", Assert.Throws<ArgumentOutOfRangeException>(() => new BlockFormat(2, 32)).Message, StringComparison.Ordinal);
        Assert.Contains("power of two", Assert.Throws<ArgumentOutOfRangeException>(() => new BlockFormat(4, 48)).Message, StringComparison.Ordinal);
    }

    /// <summary>About normally distributed: sums of twelve uniform numbers.</summary>
    internal static float[] Bells(int count, int seed = 1)
    {
        float[] uniform = Numbers.Make(count * 12, seed);
        return [.. Enumerable.Range(0, count).Select(i => uniform.AsSpan(i * 12, 12).ToArray().Sum() / 2)];
    }

    private static double[] Errors(BlockFormat format, float[] row)
    {
        (byte[] codes, float[] scales, byte[] zeroPoints) = Quantize(format, row);
        float[] back = new float[row.Length];
        BlockQuantizer.DequantizeRow(format, codes, scales, zeroPoints, back);
        return [.. row.Zip(back).Select(pair => Math.Pow((double)pair.First - pair.Second, 2)).Chunk(format.BlockSize).Select(block => block.Sum())];
    }

    private static (byte[] Codes, float[] Scales, byte[] ZeroPoints) Quantize(BlockFormat format, float[] row)
    {
        int blocks = format.BlocksOf(row.Length);
        byte[] codes = new byte[blocks * format.BlockBytes];
        float[] scales = new float[blocks];
        byte[] zeroPoints = new byte[format.IsSymmetric ? 0 : format.ZeroPointBytes(blocks)];
        Assert.True(BlockQuantizer.QuantizeRow(format, row, row.Length, codes, scales, zeroPoints));
        return (codes, scales, zeroPoints);
    }
}
