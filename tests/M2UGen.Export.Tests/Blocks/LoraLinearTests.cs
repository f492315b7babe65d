using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Tests.Blocks;

public sealed class LoraLinearTests
{
    [Fact]
    public void Fold_Pair_AddsTheProductOfBothMatrices()
    {
        Weight weight = Weight.Of("w", [3, 2], [1, 2, 3, 4, 5, 6]);
        LoraPair pair = new(Weight.Of("l1", [1, 2], [10, 20]), Weight.Of("l2", [3, 1], [1, 0, -1]));

        Weight folded = LoraLinear.Fold(weight, pair);

        Assert.Equal([11, 22, 3, 4, -5, -14], folded.Load());
        Assert.Equal([1, 2, 3, 4, 5, 6], weight.Load());
    }

    [Fact]
    public void Fold_NoPair_GivesTheMatrixItself()
    {
        Weight weight = Weight.Of("w", [1, 1], [1]);

        Assert.Same(weight, LoraLinear.Fold(weight, null));
    }

    [Fact]
    public void Contribution_SharedValueHeads_ServeTheirQueryHeads()
    {
        // One value head of size 1 for two query heads; gates atanh-free: tanh(0) closes the second.
        GatedPrefixWeights weights = new()
        {
            Gate = Weight.Of("gate", [1, 2, 1, 1], [1, 0]),
            Value = Weight.Of("wv", [1, 2], [2, 3]),
            Output = Weight.Of("wo", [2, 2], [1, 100, 10, 1000]),
        };

        double[] contribution = GatedPrefix.Contribution([1, 1], weights, new HeadShape(2, 1, 1));

        Assert.Equal([5 * Math.Tanh(1), 50 * Math.Tanh(1)], contribution);
        Assert.False(GatedPrefix.IsClosed(weights));
        Assert.True(GatedPrefix.IsClosed(weights with { Gate = Weight.Of("gate", [1, 2, 1, 1], [0, -0f]) }));
    }
}
