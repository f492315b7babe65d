using M2UGen.Export.Blocks;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Blocks;

/// <summary>The table of positions that MusicGen checkpoints may leave out.</summary>
public sealed class SinusoidalPositionsTests
{
    [Theory]
    [InlineData(6, new[] { -0.98999250f, 0.99955003f, 1f, 0.14112001f, 0.029995500f, 3e-4f })]
    [InlineData(7, new[] { -0.98999250f, 0.99955003f, 1f, 0.14112001f, 0.029995500f, 3e-4f, 0f })]
    public void Table_RowThree_HoldsCosinesThenSinesAndZeroForAnOddWidth(int width, float[] expected)
    {
        // Frequencies 1, 1/100 and 1/10000.
        float[] table = SinusoidalPositions.Table(4, width).Load();

        Assert.Equal(4 * width, table.Length);
        Near.Equal(expected, table.AsSpan(3 * width), 1e-6);
    }
}
