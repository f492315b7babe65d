using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class ConditioningRowsTests
{
    [Fact]
    public void Stack_UnequalLengths_HidesWhatIsFilledUp()
    {
        ConditioningRows stacked = ConditioningRows.Stack([new([1, 2], [1], 1, 1, 2), new([3, 4, 5, 6], [1, 0], 1, 2, 2)]);
        Assert.Equal((2, 2, 2), (stacked.Batch, stacked.Length, stacked.Width));
        Assert.Equal([1, 2, 0, 0, 3, 4, 5, 6], stacked.States);
        Assert.Equal([1, 0, 1, 0], stacked.Mask);
    }

    [Fact]
    public void Stack_One_IsItself()
    {
        ConditioningRows one = new([1, 2], [1], 1, 1, 2);
        Assert.Same(one, ConditioningRows.Stack([one]));
    }

    [Fact]
    public void Stack_UnequalWidths_IsRefused() =>
        Assert.Throws<ArgumentException>(() => ConditioningRows.Stack([new([1, 2], [1], 1, 1, 2), new([1], [1], 1, 1, 1)]));
}
