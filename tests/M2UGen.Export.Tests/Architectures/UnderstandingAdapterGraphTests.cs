using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;
using Weight = M2UGen.Export.Graph.Weight;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>A medium's prefix graph against its formulas in float64, on the tiny M2UGen with made-up adapters.</summary>
public sealed class UnderstandingAdapterGraphTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private const int Width = 7;
    private const int Hidden = 9;

    public static TheoryData<string> Media => ["audio", "image", "video"];

    [Theory]
    [MemberData(nameof(Media))]
    public void Run_AnyMedium_GivesTheRowsOfItsLayers(string name)
    {
        Medium medium = new[] { Medium.Audio, Medium.Image, Medium.Video }.Single(candidate => candidate.Name == name);
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = MadeUp(folder, medium);
        WeightMap map = WeightMap.From(checkpoint);
        int dim = tiny.Parameters.Dim;
        (int first, int count) = medium.LayersOf(tiny.Llama);
        float[] text = PrefixContribution.ForText(tiny.Llama);
        Weight rows = Weight.Of("rows", [tiny.Llama.PrefixLayers, dim], text);
        BundlePart part = UnderstandingAdapterGraph.Create(medium, Width, map, tiny.Llama, rows, new GraphOptions { Taps = ["adapter", "prefix_vectors"] });
        map.ThrowIfIncomplete();
        float[] feature = Numbers.Make(Width, 5);

        using GraphRunner runner = new(part.Graph);
        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run(("feature", feature, [1, Width]));

        float[] adapter = Adapter(map, medium.AdapterTensors, feature, dim);
        float[] query = tiny.Llama.PrefixQuery!.Load();
        float[] vectors = [.. Enumerable.Range(0, count * dim).Select(i => query[(medium.Index * count * dim) + i] + adapter[i % dim])];
        float[] expected = [.. Enumerable.Range(0, count).SelectMany(i =>
            GatedPrefix.Contribution(vectors.AsSpan(i * dim, dim), tiny.Llama.Layers[first + i].Prefix!, tiny.Llama.Heads)).Select(value => (float)value)];
        Assert.Equal($"prefix-{name}", part.Component);
        Assert.Equal([count, dim], outputs["prefix"].Shape);
        Near.Equal(adapter, outputs["adapter"].Values, 1e-5, "adapter");
        Near.Equal(vectors, outputs["prefix_vectors"].Values, 1e-5, "vectors");
        Near.Equal(expected, outputs["prefix"].Values, 1e-5, "prefix");
        Assert.True(expected.Zip(text.Skip(medium.Index * count * dim)).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.05f, "The feature changes nothing.");
    }

    [Fact]
    public void Create_AdapterOfAnotherEncoder_NamesBothWidths()
    {
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = MadeUp(folder, Medium.Audio);
        WeightMap map = WeightMap.From(checkpoint);
        Weight rows = Weight.Of("rows", [tiny.Llama.PrefixLayers, tiny.Parameters.Dim], new float[tiny.Llama.PrefixLayers * tiny.Parameters.Dim]);

        UnderstandingAdapterGraph.Create(Medium.Audio, Width + 1, map, tiny.Llama, rows);
        UnderstandingAdapterGraph.Create(Medium.Video, Width, map, tiny.Llama, rows);

        string message = Assert.Throws<CheckpointException>(map.ThrowIfIncomplete).Message;
        Assert.Contains($"mu_mert_proj.weight: expected shape [{tiny.Parameters.Dim}, {Width + 1}], found [{tiny.Parameters.Dim}, {Width}]", message, StringComparison.Ordinal);
        Assert.Contains("iu_vivit_f2_3.weight", message, StringComparison.Ordinal);
        Assert.Contains($"iu_vivit_norm_1.weight [{tiny.Parameters.Dim}]", message, StringComparison.Ordinal);
    }

    private Checkpoint MadeUp(TemporaryFolder folder, Medium medium)
    {
        long dim = tiny.Parameters.Dim;
        string name = medium.AdapterTensors;
        List<(string Name, long[] Shape)> tensors = [($"{name}_proj.weight", [dim, Width]), ($"{name}_proj.bias", [dim])];
        for (int i = 1; i <= 3; i++)
        {
            tensors.AddRange([($"{name}_norm_{i}.weight", [dim]), ($"{name}_f1_{i}.weight", [Hidden, dim]), ($"{name}_f2_{i}.weight", [dim, Hidden]), ($"{name}_f3_{i}.weight", [Hidden, dim])]);
        }

        string path = folder.File("model.safetensors");
        CheckpointFiles.WriteSafetensors(path, [.. tensors.Select((tensor, i) => (tensor.Name, tensor.Shape, Numbers.Weight(tensor.Name, i + 1, 0.4f, tensor.Shape).Load()))]);
        return Checkpoint.Open(path);
    }

    private static float[] Adapter(WeightMap map, string name, float[] feature, int dim)
    {
        float[] bias = map.Get($"{name}_proj.bias").ReadFloat32();
        double[] x = [.. Times($"{name}_proj", Array.ConvertAll(feature, value => (double)value)).Zip(bias, (product, offset) => product + offset)];
        Assert.Equal(dim, x.Length);
        for (int i = 1; i <= 3; i++)
        {
            float[] scale = map.Get($"{name}_norm_{i}.weight").ReadFloat32();
            double root = Math.Sqrt(x.Average(value => value * value) + 1e-6);
            double[] normalized = [.. x.Zip(scale, (value, factor) => value / root * factor)];
            double[] gated = [.. Times($"{name}_f1_{i}", normalized).Zip(Times($"{name}_f3_{i}", normalized), (gate, up) => gate / (1 + Math.Exp(-gate)) * up)];
            x = [.. x.Zip(Times($"{name}_f2_{i}", gated), (value, fed) => value + fed)];
        }

        return Array.ConvertAll(x, value => (float)value);

        double[] Times(string matrix, double[] vector)
        {
            float[] elements = map.Get($"{matrix}.weight").ReadFloat32();
            return [.. Enumerable.Range(0, elements.Length / vector.Length).Select(row => vector.Select((value, i) => value * elements[(row * vector.Length) + i]).Sum())];
        }
    }
}
