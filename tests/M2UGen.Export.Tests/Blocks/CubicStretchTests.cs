using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Blocks;

public sealed class CubicStretchTests
{
    [Theory]
    [InlineData(5, 9)]
    [InlineData(7, 7)]
    [InlineData(1, 4)]
    [InlineData(6, 4)]
    public void Run_AnyLengths_GivesTheFormula(int from, int to)
    {
        using GraphRunner runner = Build(to);
        float[] x = Numbers.Make(2 * from * 3, 5);

        (float[] values, long[] shape) = runner.Run(("x", x, [1, 2, from, 3]))["y"];

        Assert.Equal([1, 2, to, 3], shape);
        Near.Equal(Expected(x, 2, from, to, 3), values, 1e-5, "rows");
    }

    [Fact]
    public void Run_StraightLine_StaysOne()
    {
        using GraphRunner runner = Build(33);
        float[] line = [.. Enumerable.Range(0, 17).Select(i => (float)i)];
        float[] values = runner.Run(("x", line, [1, 1, 17, 1]))["y"].Values;

        // The kernel reproduces straight lines but for the ends, where the row beyond is the last one again.
        Near.Equal([.. Enumerable.Range(3, 27).Select(i => i / 2f)], values.AsSpan(3, 27), 1e-5, "line");
        Assert.Equal(0, values[0]);
        Assert.Equal(16, values[^1]);
    }

    private static GraphRunner Build(int rows)
    {
        GraphBuilder graph = new("stretch");
        Value x = graph.Input("x", DataType.Float, 1, "channels", "rows", "columns");
        graph.Output("y", CubicStretch.Emit(graph, "/stretch", x, rows), DataType.Float, 1, "channels", rows, "columns");
        return new GraphRunner(graph);
    }

    private static float[] Expected(float[] x, int channels, int from, int to, int columns)
    {
        float[] y = new float[channels * to * columns];
        for (int i = 0; i < y.Length; i++)
        {
            int channel = i / (to * columns);
            double at = (double)(from - 1) / (to - 1) * (i / columns % to);
            int floor = (int)Math.Floor(at + 1e-9);
            for (int k = -1; k <= 2; k++)
            {
                int row = Math.Clamp(floor + k, 0, from - 1);
                y[i] += (float)(Kernel(at - (floor + k)) * x[(((channel * from) + row) * columns) + (i % columns)]);
            }
        }

        return y;
    }

    /// <summary>Keys' kernel with a = -0.75.</summary>
    private static double Kernel(double distance)
    {
        const double A = -0.75;
        double d = Math.Abs(distance);
        return d <= 1 ? ((A + 2) * d * d * d) - ((A + 3) * d * d) + 1
            : d < 2 ? (A * d * d * d) - (5 * A * d * d) + (8 * A * d) - (4 * A)
            : 0;
    }
}
