using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The projector of the tiny M2UGen against a plain computation of torch.nn.Transformer in float64.</summary>
public sealed class OutputProjectorGraphTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private const int AudioTokens = 8;

    [Fact]
    public void Run_TinyProjector_EqualsThePlainTransformer()
    {
        OutputProjectorWeights weights = OutputProjectorWeights.Read(tiny.Map, tiny.Parameters.Dim);
        tiny.Map.ThrowIfIncomplete();
        Assert.False(weights.IsFlat);
        int dim = tiny.Parameters.Dim;
        M2UGen.Export.Graph.Weight rows = tiny.Llama.Embedding.Rows(tiny.Llama.Vocabulary - AudioTokens, AudioTokens);
        float[] hidden = Numbers.Make(AudioTokens * dim, 3);

        using GraphRunner runner = new(OutputProjectorGraph.Build(weights, rows));
        (float[] actual, long[] shape) = runner.Run(("hidden_states", hidden, [1, AudioTokens, dim]))["embedding"];

        Assert.Equal([1, weights.Tokens, weights.Width], shape);
        double[][] expected = PlainTransformer.Project(weights, hidden, rows.Load(), dim);
        Assert.Equal(expected.Length * expected[0].Length, actual.Length);
        for (int token = 0; token < expected.Length; token++)
        {
            for (int i = 0; i < weights.Width; i++)
            {
                Assert.Equal(expected[token][i], actual[(token * weights.Width) + i], 5e-5);
            }
        }
    }

    /// <summary>torch.nn.Transformer (post-norm, ReLU, four heads), one row a position.</summary>
    private static class PlainTransformer
    {
        public static double[][] Project(OutputProjectorWeights weights, float[] hidden, float[] embeddings, int dim)
        {
            double[][] memory = [.. Enumerable.Range(0, hidden.Length / dim)
                .Select(t => Enumerable.Range(0, dim).Select(i => (double)hidden[(t * dim) + i] + embeddings[(t * dim) + i]).ToArray())
                .Select(row => Apply(weights.Input, row))];
            foreach (TransformerLayerWeights layer in weights.Encoder)
            {
                memory = Layer(layer, memory, memory);
            }

            memory = Norm(weights.EncoderNorm, memory);
            float[] queries = weights.Queries.Load();
            int width = (int)weights.Queries.Shape[2];
            double[][] x = [.. Enumerable.Range(0, (int)weights.Tokens).Select(t => Enumerable.Range(0, width).Select(i => (double)queries[(t * width) + i]).ToArray())];
            foreach (TransformerLayerWeights layer in weights.Decoder)
            {
                x = Layer(layer, x, memory);
            }

            return [.. Norm(weights.DecoderNorm, x).Select(row => Apply(weights.Output, row))];
        }

        private static double[][] Layer(TransformerLayerWeights layer, double[][] x, double[][] memory)
        {
            x = Norm(layer.Norms[0], Add(x, Attend(layer.Self, x, x)));
            int norm = 1;
            if (layer.Cross is { } cross)
            {
                x = Norm(layer.Norms[norm++], Add(x, Attend(cross, x, memory)));
            }

            double[][] fed = [.. x.Select(row => Apply(layer.Down, [.. Apply(layer.Up, row).Select(value => Math.Max(value, 0))]))];
            return Norm(layer.Norms[norm], Add(x, fed));
        }

        private static double[][] Attend(PackedAttentionWeights weights, double[][] query, double[][] memory)
        {
            int width = query[0].Length;
            int size = width / 4;
            double[][] q = [.. query.Select(row => Apply(new LinearWeights(weights.Input, weights.InputBias), row))];
            double[][] kv = [.. memory.Select(row => Apply(new LinearWeights(weights.Input, weights.InputBias), row))];
            return [.. q.Select(row =>
            {
                double[] context = new double[width];
                for (int head = 0; head < 4; head++)
                {
                    double[] scores = [.. kv.Select(key => Math.Exp(Enumerable.Range(head * size, size).Sum(i => row[i] * key[width + i]) / Math.Sqrt(size)))];
                    double sum = scores.Sum();
                    for (int i = head * size; i < (head + 1) * size; i++)
                    {
                        context[i] = scores.Select((score, s) => score / sum * kv[s][(2 * width) + i]).Sum();
                    }
                }

                return Apply(new LinearWeights(weights.Output, weights.OutputBias), context);
            })];
        }

        private static double[] Apply(LinearWeights layer, double[] row)
        {
            float[] matrix = layer.Weight.Load();
            float[] bias = layer.Bias!.Load();
            return [.. bias.Select((offset, output) => row.Select((value, i) => value * matrix[(output * row.Length) + i]).Sum() + offset)];
        }

        private static double[][] Add(double[][] a, double[][] b) => [.. a.Select((row, t) => row.Select((value, i) => value + b[t][i]).ToArray())];

        private static double[][] Norm(NormWeights norm, double[][] x)
        {
            float[] weight = norm.Weight.Load();
            float[] bias = norm.Bias.Load();
            return [.. x.Select(row =>
            {
                double mean = row.Average();
                double deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + 1e-5);
                return row.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i]).ToArray();
            })];
        }
    }
}
