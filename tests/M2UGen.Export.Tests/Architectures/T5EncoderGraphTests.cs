using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The text encoder against the formulas written out in double precision: both feed-forward forms, other bucket counts, heads that do not fill the width.</summary>
public sealed class T5EncoderGraphTests
{
    private static readonly T5Config Plain = new()
    {
        VocabularySize = 30,
        HiddenSize = 12,
        HeadSize = 5,
        Heads = 3,
        Layers = 2,
        FeedForwardSize = 20,
        IsGated = false,
        Epsilon = 1e-6f,
        Buckets = 32,
        MaxDistance = 128,
        PadTokenId = 0,
        MaxPositions = 512,
    };

    [Theory]
    [InlineData(false, 32, 128, "shared.weight")]
    [InlineData(true, 8, 20, "encoder.embed_tokens.weight")]
    [InlineData(true, 12, 7, "shared.weight")]
    public void Run_PaddedText_GivesTheFormulasStates(bool gated, int buckets, int maxDistance, string embedding)
    {
        T5Config config = Plain with { IsGated = gated, Buckets = buckets, MaxDistance = maxDistance };
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, config, embedding);
        using GraphRunner runner = new(T5EncoderGraph.Create(config, WeightMap.From(checkpoint)).Graph);
        const int Length = 40;
        const int Visible = 33;
        long[] ids = [.. Enumerable.Range(0, Length).Select(i => (long)(i * 7 % config.VocabularySize))];
        long[] mask = [.. Enumerable.Range(0, Length).Select(i => i < Visible ? 1L : 0L)];

        float[] states = runner.Run(("input_ids", ids, [1, Length]), ("attention_mask", mask, [1, Length]))["last_hidden_state"].Values;

        float[] expected = Reference(checkpoint, config, embedding, ids, Visible);
        Near.Equal(expected, states, 2e-4, "states");
        Assert.True(expected.Max() > 0.5f, "The states are flat: nothing could differ.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_Float16WithStatesBeyondItsRange_GivesTheFormulasStates(bool gated)
    {
        T5Config config = Plain with { IsGated = gated };
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, config, "shared.weight", outputScale: 1e6f);
        GraphOptions options = new() { Precision = PrecisionPolicy.Parse("float16"), Taps = ["t5/layer1"] };
        using GraphRunner runner = new(T5EncoderGraph.Create(config, WeightMap.From(checkpoint), options).Graph);
        const int Length = 12;
        const int Visible = 9;
        long[] ids = [.. Enumerable.Range(0, Length).Select(i => (long)(i * 7 % config.VocabularySize))];
        long[] mask = [.. Enumerable.Range(0, Length).Select(i => i < Visible ? 1L : 0L)];

        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run(("input_ids", ids, [1, Length]), ("attention_mask", mask, [1, Length]));

        Assert.True(outputs["t5/layer1"].Values.Max() > (float)Half.MaxValue, "The states would fit into float16: nothing is tried.");
        Near.Equal(Reference(checkpoint, config, "shared.weight", ids, Visible), outputs["last_hidden_state"].Values, 0.02, "states");
    }

    [Theory]
    [InlineData(-200, 15)]
    [InlineData(-113, 15)]
    [InlineData(-90, 14)]
    [InlineData(-64, 14)]
    [InlineData(-63, 13)]
    [InlineData(-32, 12)]
    [InlineData(-31, 11)]
    [InlineData(-16, 10)]
    [InlineData(-15, 9)]
    [InlineData(-8, 8)]
    [InlineData(-7, 7)]
    [InlineData(0, 0)]
    [InlineData(1, 17)]
    [InlineData(8, 24)]
    [InlineData(12, 25)]
    [InlineData(23, 27)]
    [InlineData(46, 29)]
    [InlineData(64, 30)]
    [InlineData(91, 31)]
    [InlineData(200, 31)]
    public void Bucket_PublishedSizes_EqualsTheReferences(int relative, int bucket)
        => Assert.Equal(bucket, RelativePositionBias.Bucket(relative, buckets: 32, maxDistance: 128));

    private static Checkpoint Write(TemporaryFolder folder, T5Config config, string embedding, float outputScale = 0.3f)
    {
        List<(string, long[], float[])> tensors = [];
        int inner = config.Heads * config.HeadSize;
        Add(embedding, 1, config.VocabularySize, config.HiddenSize);
        Add("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 2, config.Buckets, config.Heads);
        for (int i = 0; i < config.Layers; i++)
        {
            string block = $"encoder.block.{i}.layer";
            Add($"{block}.0.layer_norm.weight", 1, config.HiddenSize);
            Add($"{block}.0.SelfAttention.q.weight", 0.3f, inner, config.HiddenSize);
            Add($"{block}.0.SelfAttention.k.weight", 0.3f, inner, config.HiddenSize);
            Add($"{block}.0.SelfAttention.v.weight", 0.3f, inner, config.HiddenSize);
            Add($"{block}.0.SelfAttention.o.weight", 0.3f, config.HiddenSize, inner);
            Add($"{block}.1.layer_norm.weight", 1, config.HiddenSize);
            foreach (string matrix in config.IsGated ? (string[])["wi_0", "wi_1"] : ["wi"])
            {
                Add($"{block}.1.DenseReluDense.{matrix}.weight", 0.5f, config.FeedForwardSize, config.HiddenSize);
            }

            Add($"{block}.1.DenseReluDense.wo.weight", outputScale, config.HiddenSize, config.FeedForwardSize);
        }

        Add("encoder.final_layer_norm.weight", 1, config.HiddenSize);
        CheckpointFiles.WriteSafetensors(folder.File("model.safetensors"), [.. tensors]);
        return Checkpoint.Open(folder.File("model.safetensors"));

        void Add(string name, float scale, params long[] shape) => tensors.Add((name, shape, Numbers.Weight(name, tensors.Count + 1, scale, shape).Load()));
    }

    private static float[] Reference(Checkpoint checkpoint, T5Config config, string embedding, long[] ids, int visible)
    {
        double[][] x = [.. ids.Select(id => Row(Get(embedding), (int)id, config.HiddenSize))];
        float[] bias = Get("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
        for (int i = 0; i < config.Layers; i++)
        {
            string block = $"encoder.block.{i}.layer";
            double[][] normalized = Norm(x, Get($"{block}.0.layer_norm.weight"), config.Epsilon);
            double[][] q = Times(normalized, Get($"{block}.0.SelfAttention.q.weight"));
            double[][] k = Times(normalized, Get($"{block}.0.SelfAttention.k.weight"));
            double[][] v = Times(normalized, Get($"{block}.0.SelfAttention.v.weight"));
            double[][] context = [.. x.Select(_ => new double[config.Heads * config.HeadSize])];
            for (int head = 0; head < config.Heads; head++)
            {
                Range part = (head * config.HeadSize)..((head + 1) * config.HeadSize);
                for (int row = 0; row < x.Length; row++)
                {
                    double[] weights = [.. Enumerable.Range(0, visible).Select(column => Math.Exp(
                        Dot(q[row][part], k[column][part]) + bias[(RelativePositionBias.Bucket(column - row, config.Buckets, config.MaxDistance) * config.Heads) + head]))];
                    for (int d = 0; d < config.HeadSize; d++)
                    {
                        int at = (head * config.HeadSize) + d;
                        context[row][at] = Enumerable.Range(0, visible).Sum(column => weights[column] * v[column][at]) / weights.Sum();
                    }
                }
            }

            x = Plus(x, Times(context, Get($"{block}.0.SelfAttention.o.weight")));
            normalized = Norm(x, Get($"{block}.1.layer_norm.weight"), config.Epsilon);
            string dense = $"{block}.1.DenseReluDense";
            double[][] inner = config.IsGated
                ? [.. Times(normalized, Get($"{dense}.wi_0.weight")).Zip(Times(normalized, Get($"{dense}.wi_1.weight")), (gate, linear) => gate.Zip(linear, (g, l) => GeluTanh(g) * l).ToArray())]
                : [.. Times(normalized, Get($"{dense}.wi.weight")).Select(row => row.Select(value => Math.Max(0, value)).ToArray())];
            x = Plus(x, Times(inner, Get($"{dense}.wo.weight")));
        }

        return [.. Norm(x, Get("encoder.final_layer_norm.weight"), config.Epsilon).SelectMany(row => row.Select(value => (float)value))];

        float[] Get(string name) => checkpoint.Tensors[name].ReadFloat32();
    }

    private static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private static double[] Row(float[] matrix, int row, int width) => [.. matrix[(row * width)..((row + 1) * width)].Select(value => (double)value)];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[][] Times(double[][] x, float[] matrix)
        => [.. x.Select(row => Enumerable.Range(0, matrix.Length / row.Length).Select(output => Dot(row, Row(matrix, output, row.Length))).ToArray())];

    private static double[][] Plus(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (p, q) => p + q).ToArray())];

    private static double[][] Norm(double[][] x, float[] weight, double epsilon)
        => [.. x.Select(row => row.Select((value, i) => value / Math.Sqrt(row.Average(v => v * v) + epsilon) * weight[i]).ToArray())];
}
