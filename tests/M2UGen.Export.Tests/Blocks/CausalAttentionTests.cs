using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Tests.Blocks;

/// <summary>Attention over the cache against a plain computation in float64, with head sizes that the operator does not take unpadded.</summary>
public sealed class CausalAttentionTests
{
    private const int Capacity = 9;

    [Theory]
    [InlineData(16, 2, 2, true)]
    [InlineData(12, 2, 2, true)]
    [InlineData(6, 4, 2, true)]
    [InlineData(12, 3, 3, false)]
    [InlineData(5, 2, 1, false)]
    public void Emit_AnyHeadSize_EqualsAttentionOfTheTrueSize(int size, int heads, int keyValueHeads, bool rotary)
        => Check(size, heads, keyValueHeads, rotary, isQuantized: false, 2e-5);

    /// <summary>Keys and values of up to 4 in steps of 1/32: the products of 7 positions differ by a few hundredths.</summary>
    [Theory]
    [InlineData(16, 2, 2, true)]
    [InlineData(12, 3, 3, false)]
    [InlineData(6, 4, 2, true)]
    public void Emit_CacheOf8Bits_EqualsAttentionWithinItsSteps(int size, int heads, int keyValueHeads, bool rotary)
        => Check(size, heads, keyValueHeads, rotary, isQuantized: true, 0.06);

    private static void Check(int size, int heads, int keyValueHeads, bool rotary, bool isQuantized, double tolerance)
    {
        HeadShape shape = new(heads, keyValueHeads, size, rotary);
        const int Width = 10;
        const int Length = 7;
        AttentionWeights weights = new()
        {
            Query = Numbers.Weight("q", 1, 0.5f, heads * size, Width),
            Key = Numbers.Weight("k", 2, 0.5f, keyValueHeads * size, Width),
            Value = Numbers.Weight("v", 3, 0.5f, keyValueHeads * size, Width),
            Output = Numbers.Weight("o", 4, 0.5f, Width, heads * size),
            QueryBias = Numbers.Weight("qb", 5, 0.5f, heads * size),
            OutputBias = Numbers.Weight("ob", 6, 0.5f, Width),
        };
        float[] x = Numbers.Make(Length * Width, 7);

        GraphBuilder graph = new("attention");
        Value input = graph.Input("x", DataType.Float, 1, "sequence_length", Width);
        KVCachePorts ports = KVCachePorts.Declare(graph, 1, shape, isQuantized);
        RotaryTables? tables = rotary ? RotaryEmbedding.Emit(graph, shape, Capacity, 10000) : null;
        graph.Output("y", CausalAttention.Emit(graph, "/attention", 0, input, weights, shape, ports, tables), DataType.Float, 1, "sequence_length", Width);
        using GraphRunner runner = new(graph);
        long[] cacheShape = [1, keyValueHeads, Capacity, shape.PaddedHeadSize];
        int elements = cacheShape.Aggregate(1, (product, dim) => product * (int)dim);
        Array empty = isQuantized ? new sbyte[elements] : new float[elements];
        List<(string, Array, long[])> inputs =
        [
            ("x", x, [1, Length, Width]),
            ("seqlens_k", new int[] { Length - 1 }, [1]),
            ("total_sequence_length", new int[] { Length }, []),
            ("past_key_values.0.key", empty, cacheShape),
            ("past_key_values.0.value", empty, cacheShape),
        ];
        if (isQuantized)
        {
            long[] scaleShape = [1, keyValueHeads, 1, shape.PaddedHeadSize];
            float[] scales = [.. Enumerable.Repeat(1 / 32f, keyValueHeads * shape.PaddedHeadSize)];
            inputs.Add(("past_key_values.0.key_scale", scales, scaleShape));
            inputs.Add(("past_key_values.0.value_scale", scales, scaleShape));
        }

        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run([.. inputs]);
        float[] actual = outputs["y"].Values;

        double[] expected = Attend(x, Length, Width, weights, shape);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], tolerance);
        }

        if (isQuantized)
        {
            Assert.Contains(outputs["present.0.key"].Values, code => Math.Abs(code) is > 8 and < 127);
        }
    }

    [Fact]
    public void Emit_RotaryHeadsWithoutTables_IsRefused()
    {
        GraphBuilder graph = new("attention");
        Value input = graph.Input("x", DataType.Float, 1, "sequence_length", 16);
        HeadShape shape = new(1, 1, 16, Rotary: true);
        Weight square = Numbers.Weight("w", 1, 1, 16, 16);
        AttentionWeights weights = new() { Query = square, Key = square, Value = square, Output = square };

        Assert.Throws<InvalidOperationException>(() => CausalAttention.Emit(graph, "/attention", 0, input, weights, shape, KVCachePorts.Declare(graph, 1, shape)));
    }

    private static double[] Attend(float[] x, int length, int width, AttentionWeights weights, HeadShape shape)
    {
        int size = shape.HeadSize;
        double[] q = Project(x, length, width, weights.Query, weights.QueryBias);
        double[] k = Project(x, length, width, weights.Key, null);
        double[] v = Project(x, length, width, weights.Value, null);
        if (shape.Rotary)
        {
            Rotate(q, length, shape.Heads, size);
            Rotate(k, length, shape.KeyValueHeads, size);
        }

        float[] output = weights.Output.Load();
        float[] bias = weights.OutputBias!.Load();
        double[] y = new double[length * width];
        for (int t = 0; t < length; t++)
        {
            double[] context = new double[shape.Heads * size];
            for (int head = 0; head < shape.Heads; head++)
            {
                int shared = head * shape.KeyValueHeads / shape.Heads;
                double[] scores = new double[t + 1];
                for (int s = 0; s <= t; s++)
                {
                    for (int i = 0; i < size; i++)
                    {
                        scores[s] += q[(((t * shape.Heads) + head) * size) + i] * k[(((s * shape.KeyValueHeads) + shared) * size) + i];
                    }

                    scores[s] = Math.Exp(scores[s] / Math.Sqrt(size));
                }

                double sum = scores.Sum();
                for (int s = 0; s <= t; s++)
                {
                    for (int i = 0; i < size; i++)
                    {
                        context[(head * size) + i] += scores[s] / sum * v[(((s * shape.KeyValueHeads) + shared) * size) + i];
                    }
                }
            }

            for (int row = 0; row < width; row++)
            {
                y[(t * width) + row] = bias[row] + context.Select((value, i) => value * output[(row * context.Length) + i]).Sum();
            }
        }

        return y;
    }

    private static double[] Project(float[] x, int length, int width, Weight weight, Weight? bias)
    {
        float[] matrix = weight.Load();
        float[]? offsets = bias?.Load();
        int rows = (int)weight.Shape[0];
        double[] y = new double[length * rows];
        for (int t = 0; t < length; t++)
        {
            for (int row = 0; row < rows; row++)
            {
                double sum = offsets?[row] ?? 0;
                for (int i = 0; i < width; i++)
                {
                    sum += x[(t * width) + i] * (double)matrix[(row * width) + i];
                }

                y[(t * rows) + row] = sum;
            }
        }

        return y;
    }

    private static void Rotate(double[] values, int length, int heads, int size)
    {
        for (int t = 0; t < length; t++)
        {
            for (int head = 0; head < heads; head++)
            {
                for (int pair = 0; pair < size / 2; pair++)
                {
                    double angle = t * Math.Pow(10000, -2.0 * pair / size);
                    int at = (((t * heads) + head) * size) + (2 * pair);
                    (values[at], values[at + 1]) = (
                        (values[at] * Math.Cos(angle)) - (values[at + 1] * Math.Sin(angle)),
                        (values[at] * Math.Sin(angle)) + (values[at + 1] * Math.Cos(angle)));
                }
            }
        }
    }
}
