using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>GPT-2 on made-up weights: against its formulas, with hidden rows, and vector by vector over the cache.</summary>
public sealed class Gpt2GraphTests
{
    private const int Width = 10;

    private static readonly Gpt2Config Config = new()
    {
        HiddenSize = Width,
        Heads = 2,
        Layers = 2,
        Positions = 32,
        FeedForwardSize = 14,
        Activation = Activation.Relu,
        Epsilon = 1e-5f,
        NewTokens = 3,
    };

    [Theory]
    [InlineData("")]
    [InlineData("transformer.")]
    public void Run_HiddenRows_GivesTheFormulasStates(string prefix)
    {
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, prefix);
        using GraphRunner runner = Runner(checkpoint);
        long[] mask = [1, 1, 0, 1, 0, 0, 1];
        long[] positions = [0, 1, 2, 3, 4, 5, 20];
        float[] embeds = Numbers.Make(mask.Length * Width, 77);

        Dictionary<string, (float[] Values, long[] Shape)> outputs = Run(runner, embeds, positions, mask, 1);

        float[] expected = Plain(checkpoint, prefix, embeds, positions, mask);
        Near.Equal(expected, outputs["last_hidden_state"].Values, 1e-4, "states");
        Near.Equal(expected.AsSpan(^Width), outputs["next_embeds"].Values, 1e-4, "next");
        Assert.True(expected.Max(Math.Abs) > 0.5f, "The states are flat: nothing could differ.");
    }

    [Fact]
    public void Run_HiddenRowsLeftOut_GivesTheSameNextVector()
    {
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, "");
        using GraphRunner runner = Runner(checkpoint);
        float[] embeds = Numbers.Make(5 * Width, 9);
        float[] visible = [.. embeds[..(2 * Width)], .. embeds[(4 * Width)..]];

        float[] padded = Run(runner, embeds, [0, 1, 2, 3, 9], [1, 1, 0, 0, 1], 1)["next_embeds"].Values;
        float[] own = Run(runner, visible, [0, 1, 9], [1, 1, 1], 1)["next_embeds"].Values;

        Near.Equal(padded, own, 1e-5, "next");
    }

    [Fact]
    public void Run_TwoTextsOfUnequalLength_GivesEachItsOwn()
    {
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, "");
        using GraphRunner runner = Runner(checkpoint);
        float[] embeds = Numbers.Make(8 * Width, 3);

        float[] both = Run(runner, embeds, [0, 1, 2, 3, 0, 1, 2, 3], [1, 1, 1, 1, 1, 0, 0, 1], 2)["next_embeds"].Values;

        Near.Equal(Run(runner, embeds[..(4 * Width)], [0, 1, 2, 3], [1, 1, 1, 1], 1)["next_embeds"].Values, both.AsSpan(0, Width), 1e-5, "first");
        Near.Equal(Run(runner, embeds[(4 * Width)..], [0, 1, 2, 3], [1, 0, 0, 1], 1)["next_embeds"].Values, both.AsSpan(Width), 1e-5, "second");
    }

    private static GraphRunner Runner(Checkpoint checkpoint)
    {
        WeightMap map = WeightMap.From(checkpoint);
        GraphBuilder graph = Gpt2Graph.Create(Config, map, new GraphOptions { Taps = ["*"] }).Graph;
        map.ThrowIfIncomplete();
        return new GraphRunner(graph);
    }

    private static Dictionary<string, (float[] Values, long[] Shape)> Run(GraphRunner runner, float[] embeds, long[] positions, long[] mask, int batch)
    {
        long length = mask.Length / batch;
        List<(string, Array, long[])> inputs =
        [
            ("inputs_embeds", embeds, [batch, length, Width]),
            ("position_ids", positions, [batch, length]),
            ("attention_mask", mask, [batch, length]),
            ("seqlens_k", Enumerable.Repeat((int)length - 1, batch).ToArray(), [batch]),
            ("total_sequence_length", new[] { (int)length }, []),
        ];
        for (int layer = 0; layer < Config.Layers; layer++)
        {
            foreach (string side in (string[])["key", "value"])
            {
                // A head of 5 is stored with 8.
                inputs.Add(($"past_key_values.{layer}.{side}", new float[batch * 2 * length * 8], [batch, 2, length, 8]));
            }
        }

        return runner.Run([.. inputs]);
    }

    private static Checkpoint Write(TemporaryFolder folder, string prefix)
    {
        List<(string, long[], float[])> tensors = [];
        Add("wpe.weight", 1, Config.Positions, Width);
        Add("ln_f.weight", 1, Width);
        Add("ln_f.bias", 1, Width);
        for (int i = 0; i < Config.Layers; i++)
        {
            Add($"h.{i}.ln_1.weight", 1, Width);
            Add($"h.{i}.ln_1.bias", 1, Width);
            Add($"h.{i}.ln_2.weight", 1, Width);
            Add($"h.{i}.ln_2.bias", 1, Width);
            Add($"h.{i}.attn.c_attn.weight", 1, Width, 3 * Width);
            Add($"h.{i}.attn.c_attn.bias", 1, 3 * Width);
            Add($"h.{i}.attn.c_proj.weight", 0.5f, Width, Width);
            Add($"h.{i}.attn.c_proj.bias", 0.5f, Width);
            Add($"h.{i}.mlp.c_fc.weight", 0.5f, Width, Config.FeedForwardSize);
            Add($"h.{i}.mlp.c_fc.bias", 0.5f, Config.FeedForwardSize);
            Add($"h.{i}.mlp.c_proj.weight", 0.5f, Config.FeedForwardSize, Width);
            Add($"h.{i}.mlp.c_proj.bias", 0.5f, Width);
        }

        CheckpointFiles.WriteSafetensors(folder.File("model.safetensors"), [.. tensors]);
        return Checkpoint.Open(folder.File("model.safetensors"));

        void Add(string name, float scale, params long[] shape)
            => tensors.Add((prefix + name, shape, Numbers.Weight(name, tensors.Count + 1, scale, shape).Load()));
    }

    /// <summary>The states behind ln_f of all rows, in float64.</summary>
    private static float[] Plain(Checkpoint checkpoint, string prefix, float[] embeds, long[] positions, long[] mask)
    {
        int count = mask.Length;
        double[][] x = [.. Enumerable.Range(0, count).Select(row => Enumerable.Range(0, Width).Select(i => embeds[(row * Width) + i] + (double)Get("wpe.weight")[(positions[row] * Width) + i]).ToArray())];
        for (int layer = 0; layer < Config.Layers; layer++)
        {
            string path = $"h.{layer}.";
            double[][] qkv = [.. x.Select(row => Linear($"{path}attn.c_attn", Norm($"{path}ln_1", row)))];
            for (int row = 0; row < count; row++)
            {
                double[] context = new double[Width];
                for (int head = 0; head < Config.Heads; head++)
                {
                    int size = Width / Config.Heads;
                    int at = head * size;
                    double[] scores = [.. Enumerable.Range(0, row + 1).Select(key => mask[key] == 0 ? double.NegativeInfinity
                        : Enumerable.Range(at, size).Sum(i => qkv[row][i] * qkv[key][Width + i]) / Math.Sqrt(size))];
                    double[] shares = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                    for (int i = at; i < at + size; i++)
                    {
                        context[i] = shares.Select((share, key) => share * qkv[key][(2 * Width) + i]).Sum() / shares.Sum();
                    }
                }

                x[row] = Sum(x[row], Linear($"{path}attn.c_proj", context));
            }

            x = [.. x.Select(row => Sum(row, Linear($"{path}mlp.c_proj", [.. Linear($"{path}mlp.c_fc", Norm($"{path}ln_2", row)).Select(value => Math.Max(value, 0))])))];
        }

        return [.. x.SelectMany(row => Norm("ln_f", row)).Select(value => (float)value)];

        float[] Get(string name) => checkpoint.Tensors[prefix + name].ReadFloat32();

        double[] Linear(string name, double[] input)
        {
            float[] weight = Get($"{name}.weight");
            float[] bias = Get($"{name}.bias");
            return [.. bias.Select((value, output) => value + input.Select((number, i) => number * weight[(i * bias.Length) + output]).Sum())];
        }

        double[] Norm(string name, double[] input)
        {
            double mean = input.Average();
            double deviation = Math.Sqrt(input.Select(value => (value - mean) * (value - mean)).Average() + Config.Epsilon);
            float[] weight = Get($"{name}.weight");
            float[] bias = Get($"{name}.bias");
            return [.. input.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i])];
        }

        static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left + right)];
    }
}
