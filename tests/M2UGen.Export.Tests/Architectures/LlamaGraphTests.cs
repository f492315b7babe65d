using M2UGen.Export.Architectures;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The language graph against what the reference computed with the tiny M2UGen (golden case m2ugen-parts).</summary>
public sealed class LlamaGraphTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private const int Capacity = 128;

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(10)]
    public void Run_TeacherForcedText_GivesTheReferencesLayersAndLogits(int row)
    {
        using GraphRunner runner = new(LlamaGraph.Build(tiny.Llama, Capacity, new GraphOptions { Taps = ["layers.*"] }));
        long[] ids = tiny.Ids(row);
        int dim = tiny.Parameters.Dim;
        int vocabulary = (int)tiny.Llama.Vocabulary;

        Dictionary<string, (float[] Values, long[] Shape)> outputs = Run(runner, ids, 0, row, new Cache(tiny.Llama, Capacity));

        Assert.Equal([1L, vocabulary], outputs["logits"].Shape);
        Assert.Equal([1L, dim], outputs["hidden_states"].Shape);
        float[] logits = tiny.Want(tiny.Expected.Tensors.ContainsKey($"tf.{row}.logits") ? $"tf.{row}.logits" : $"tf.{row}.logits_last8");
        Assert.InRange(TinyM2UGen.LargestDifference(logits.AsSpan(logits.Length - vocabulary), outputs["logits"].Values), 0, 1e-4f);
        float[] hidden = tiny.Want($"tf.{row}.hidden");
        Assert.InRange(TinyM2UGen.LargestDifference(hidden.AsSpan(hidden.Length - dim), outputs["hidden_states"].Values), 0, 1e-4f);
        Assert.InRange(TinyM2UGen.LargestDifference(hidden, outputs[$"layers.{tiny.Parameters.Layers - 1}"].Values), 0, 1e-4f);
    }

    [Fact]
    public void Run_TokenByTokenOverTheCache_GivesTheSameAsAtOnce()
    {
        using GraphRunner runner = new(LlamaGraph.Build(tiny.Llama, Capacity));
        long[] ids = tiny.Ids(0);
        float[] atOnce = Run(runner, ids, 0, 0, new Cache(tiny.Llama, Capacity))["logits"].Values;

        // A chunk, then the rest one at a time.
        Cache cache = new(tiny.Llama, Capacity);
        int first = ids.Length / 2;
        Run(runner, ids[..first], 0, 0, cache);
        float[] last = [];
        for (int position = first; position < ids.Length; position++)
        {
            last = Run(runner, [ids[position]], position, 0, cache)["logits"].Values;
        }

        Assert.InRange(TinyM2UGen.LargestDifference(atOnce, last), 0, 5e-5f);
    }

    [Fact]
    public void ForText_TinyM2UGen_EqualsTheReferencesContribution()
    {
        float[] rows = PrefixContribution.ForText(tiny.Llama);

        float[] expected = tiny.Want("tf.0.prefix_contribution");
        Assert.InRange(TinyM2UGen.LargestDifference(expected, rows), 0, 1e-6f);
        Assert.Empty(PrefixContribution.ClosedLayers(tiny.Llama));
    }

    [Fact]
    public void Compute_PrefixOfARequestWithMedia_EqualsTheReferencesContribution()
    {
        float[] rows = PrefixContribution.Compute(tiny.Llama, tiny.Want("tf.10.prefix"));

        Assert.InRange(TinyM2UGen.LargestDifference(tiny.Want("tf.10.prefix_contribution"), rows), 0, 1e-6f);
    }

    private Dictionary<string, (float[] Values, long[] Shape)> Run(GraphRunner runner, long[] ids, int start, int row, Cache cache)
    {
        int total = start + ids.Length;
        List<(string, Array, long[])> inputs =
        [
            ("input_ids", ids, [1, ids.Length]),
            ("prefix", tiny.Want($"tf.{row}.prefix_contribution"), [tiny.Llama.PrefixLayers, tiny.Parameters.Dim]),
            ("seqlens_k", new int[] { total - 1 }, [1]),
            ("total_sequence_length", new int[] { total }, []),
        ];
        inputs.AddRange(cache.Inputs);
        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run([.. inputs]);
        cache.Take(outputs);
        return outputs;
    }

    /// <summary>A cache that is copied back after each run: the runtime's tests cover the one in place.</summary>
    private sealed class Cache(LlamaWeights weights, int capacity)
    {
        private readonly long[] shape = [1, weights.Heads.KeyValueHeads, capacity, weights.Heads.PaddedHeadSize];
        private readonly Dictionary<string, float[]> buffers = Enumerable.Range(0, weights.Layers.Count)
            .SelectMany(layer => new[] { $"{layer}.key", $"{layer}.value" })
            .ToDictionary(name => name, _ => new float[weights.Heads.KeyValueHeads * capacity * weights.Heads.PaddedHeadSize]);

        public IEnumerable<(string, Array, long[])> Inputs => buffers.Select(pair => ($"past_key_values.{pair.Key}", (Array)pair.Value, shape));

        public void Take(Dictionary<string, (float[] Values, long[] Shape)> outputs)
        {
            foreach (string name in buffers.Keys.ToArray())
            {
                Assert.Equal(shape, outputs[$"present.{name}"].Shape);
                buffers[name] = outputs[$"present.{name}"].Values;
            }
        }
    }
}
