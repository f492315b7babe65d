using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class ConditioningRowsTests
{
    [Fact]
    public void Then_TwoPieces_JoinsEachWithItsOwn()
    {
        ConditioningRows first = new([1, 2, 3, 4], [1, 0], Batch: 2, Length: 1, Width: 2);
        ConditioningRows second = new([5, 6, 7, 8], [1, 1], Batch: 2, Length: 1, Width: 2);

        ConditioningRows both = first.Then(second);

        Assert.Equal([1, 2, 5, 6, 3, 4, 7, 8], both.States);
        Assert.Equal([1, 1, 0, 1], both.Mask);
        Assert.Equal(2, both.Length);
    }

    [Fact]
    public void Then_AnotherWidth_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new ConditioningRows([1, 2], [1], 1, 1, 2).Then(new ConditioningRows([1], [1], 1, 1, 1)));

    [Fact]
    public void FromEmbedding_Visible_MasksTheRest()
    {
        Assert.Equal([1, 1, 1], ConditioningRows.FromEmbedding(new float[6], 2).Mask);
        Assert.Equal([1, 0, 0], ConditioningRows.FromEmbedding(new float[6], 2, visible: 1).Mask);
        Assert.Equal([1, 1, 1], ConditioningRows.FromEmbedding(new float[6], 2, visible: 9).Mask);
    }

    [Fact]
    public void FromEmbedding_WrongSizeOrNotANumber_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => ConditioningRows.FromEmbedding(new float[5], 2));
        Assert.Throws<ArgumentException>(() => ConditioningRows.FromEmbedding([], 2));
        Assert.Throws<ArgumentException>(() => ConditioningRows.FromEmbedding([1, float.NaN], 2));
    }
}
