using M2UGen.Export.Blocks;

namespace M2UGen.Export.Tests.Blocks;

public sealed class MatrixProductTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(4, 7, 16)]
    [InlineData(5, 33, 17)]
    [InlineData(11, 3, 40)]
    [InlineData(2, 64, 15)]
    public void Multiply_AnySizes_AddsUpInTheOrderOfTheInnerIndex(int rows, int inner, int columns)
    {
        float[] a = Numbers.Make(rows * inner, 1);
        float[] b = Numbers.Make(inner * columns, 2);

        float[] product = MatrixProduct.Multiply(a, b, rows, inner, columns);

        Assert.Equal(rows * columns, product.Length);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                float sum = 0;
                for (int k = 0; k < inner; k++)
                {
                    sum = MathF.FusedMultiplyAdd(a[(i * inner) + k], b[(k * columns) + j], sum);
                }

                // The same bits, not nearly the same: exports are compared byte for byte.
                Assert.Equal(BitConverter.SingleToInt32Bits(sum), BitConverter.SingleToInt32Bits(product[(i * columns) + j]));
            }
        }
    }

    [Fact]
    public void Multiply_SizesThatDoNotFit_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MatrixProduct.Multiply(new float[6], new float[6], 2, 3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => MatrixProduct.Multiply(new float[5], new float[6], 2, 3, 2));
    }
}
