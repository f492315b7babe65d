using M2UGen.Export.Architectures.AudioLdm2;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>The tables of windows against turning and cutting a picture step by step.</summary>
public sealed class WindowLayoutTests
{
    [Theory]
    [InlineData(8, 8, 4, 2)]
    [InlineData(12, 6, 3, 1)]
    [InlineData(4, 8, 4, 0)]
    public void Order_AnyPicture_IsTurnedAndCut(int rows, int columns, int window, int shift)
    {
        WindowLayout layout = new(rows, columns, window, shift);
        List<long> expected = [];
        for (int top = 0; top < rows; top += window)
        {
            for (int left = 0; left < columns; left += window)
            {
                for (int i = 0; i < window * window; i++)
                {
                    int row = (top + (i / window) + shift) % rows;
                    int column = (left + (i % window) + shift) % columns;
                    expected.Add((row * columns) + column);
                }
            }
        }

        long[] order = layout.Order();
        Assert.Equal(expected, order);
        long[] inverse = WindowLayout.Inverse(order);
        Assert.All(Enumerable.Range(0, order.Length), position => Assert.Equal(position, order[inverse[position]]));
    }

    [Theory]
    [InlineData(8, 8, 4, 2)]
    [InlineData(12, 6, 3, 1)]
    public void Mask_ShiftedPicture_HidesWhatTheTurnBroughtTogether(int rows, int columns, int window, int shift)
    {
        WindowLayout layout = new(rows, columns, window, shift);
        long[] order = layout.Order();
        float[] mask = layout.Mask();
        Assert.Equal(layout.Count * layout.Area * layout.Area, mask.Length);
        int hidden = 0;
        for (int w = 0; w < layout.Count; w++)
        {
            for (int q = 0; q < layout.Area; q++)
            {
                for (int k = 0; k < layout.Area; k++)
                {
                    // Neighbours in the picture are as far apart in it as they are in the window; the turn makes them farther.
                    long from = order[(w * layout.Area) + q];
                    long to = order[(w * layout.Area) + k];
                    bool together = Math.Abs((from / columns) - (to / columns)) < window && Math.Abs((from % columns) - (to % columns)) < window;
                    float found = mask[(((w * layout.Area) + q) * layout.Area) + k];
                    Assert.Equal(together ? 0f : -100f, found);
                    hidden += together ? 0 : 1;
                }
            }
        }

        Assert.True(hidden > 0, "Nothing was hidden: the mask could be all zeros.");
    }

    [Fact]
    public void RelativeIndex_ThreeByThree_CountsFromTheFarCorner()
    {
        int[] index = new WindowLayout(3, 3, 3, 0).RelativeIndex();
        Assert.Equal(12, index[0]); // the same place: row 2 of 5, column 2 of 5
        Assert.Equal(0, index[8]); // the first looks at the last: two up, two to the left
        Assert.Equal(24, index[8 * 9]);
        Assert.Equal(11, index[1]);
        Assert.Equal(7, index[3]);
    }

    [Fact]
    public void MergingOrder_TwoByFour_GoesDownBeforeRight() => Assert.Equal([0, 4, 1, 5, 2, 6, 3, 7], WindowLayout.MergingOrder(2, 4));
}
