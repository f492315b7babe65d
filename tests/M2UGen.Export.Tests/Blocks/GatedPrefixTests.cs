using M2UGen.Export.Blocks;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Blocks;

public sealed class GatedPrefixTests
{
    [Theory]
    [InlineData(4, 4, 3, true)]
    [InlineData(4, 2, 3, true)]
    [InlineData(6, 1, 2, false)]
    public void Matrix_TimesAnyVector_IsTheContribution(int heads, int keyValueHeads, int headSize, bool hasPair)
    {
        const int Dim = 10;
        const int Rank = 2;
        HeadShape shape = new(heads, keyValueHeads, headSize, Rotary: true);
        GatedPrefixWeights weights = new()
        {
            Gate = Numbers.Weight("gate", 1, 1.5f, 1, heads, 1, 1),
            Value = Numbers.Weight("wv", 2, 1, keyValueHeads * headSize, Dim),
            Output = Numbers.Weight("wo", 3, 1, Dim, heads * headSize),
            OutputPair = hasPair ? new LoraPair(Numbers.Weight("l1", 4, 1, Rank, heads * headSize), Numbers.Weight("l2", 5, 1, Dim, Rank)) : null,
        };
        float[] vector = Numbers.Make(Dim, 6);

        float[] matrix = GatedPrefix.Matrix(weights, shape).Load();

        Assert.Equal([Dim, Dim], GatedPrefix.Matrix(weights, shape).Shape);
        float[] product = [.. Enumerable.Range(0, Dim).Select(row => (float)vector.Select((value, i) => (double)value * matrix[(row * Dim) + i]).Sum())];
        float[] expected = Array.ConvertAll(GatedPrefix.Contribution(vector, weights, shape), value => (float)value);
        Near.Equal(expected, product, 1e-5, "contribution");
        Assert.True(expected.Max(MathF.Abs) > 0.5f, "The contribution is flat: nothing could differ.");
    }
}
