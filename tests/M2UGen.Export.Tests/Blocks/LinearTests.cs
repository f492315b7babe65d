using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Tests.Blocks;

/// <summary>Layers and tables in every precision, run by ONNX Runtime and held against float32.</summary>
public sealed class LinearTests
{
    private const int Rows = 5;

    [Theory]
    [InlineData("int8", 64, false, 96, 40, 0.02)]
    [InlineData("int8", 128, true, 100, 33, 0.02)]
    [InlineData("int4", 32, false, 96, 40, 0.15)]
    [InlineData("int4", 64, true, 33, 7, 0.15)]
    [InlineData("int4", 128, true, 300, 16, 0.15)]
    public void Emit_Quantised_IsNearFloat32(string precision, int blockSize, bool isAsymmetric, int inputs, int outputs, double tolerance)
    {
        foreach (bool hasBias in new[] { true, false })
        {
            float[] exact = Run(PrecisionPolicy.Float32, inputs, outputs, hasBias);
            float[] rounded = Run(PrecisionPolicy.Parse($"linear={precision}") with { BlockSize = blockSize, IsAsymmetric = isAsymmetric }, inputs, outputs, hasBias);

            double error = Math.Sqrt(exact.Zip(rounded).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / exact.Sum(value => (double)value * value));
            Assert.InRange(error, 1e-5, tolerance);
        }
    }

    [Theory]
    [InlineData("float16", 32, false, 70, 1e-3)]
    [InlineData("int8", 32, false, 64, 0.01)]
    [InlineData("int8", 64, true, 70, 0.01)]
    [InlineData("int4", 32, false, 70, 0.1)]
    [InlineData("int4", 32, true, 96, 0.1)]
    [InlineData("int4", 128, true, 300, 0.12)]
    public void EmbeddingEmit_EveryPrecision_GivesTheRowsBack(string precision, int blockSize, bool isAsymmetric, int width, double tolerance)
    {
        const int Count = 11;
        Weight table = Numbers.Weight("table", 4, 1, Count, width);
        GraphBuilder graph = new("table", new GraphOptions { Precision = PrecisionPolicy.Parse($"table/rows={precision}") with { BlockSize = blockSize, IsAsymmetric = isAsymmetric } });
        Value ids = graph.Input("ids", TensorElementKind.Int64, 1, "n");
        graph.Output("vectors", Embedding.Emit(graph, "/rows", ids, table), TensorElementKind.Float, 1, "n", width);
        using GraphRunner runner = new(graph);

        (float[] values, long[] shape) = runner.Run(("ids", new long[] { 10, 0, 3, 3 }, [1, 4]))["vectors"];

        Assert.Equal([1, 4, width], shape);
        float[] all = table.Load();
        float[] expected = [.. new[] { 10, 0, 3, 3 }.SelectMany(row => all.AsSpan(row * width, width).ToArray())];
        double error = Math.Sqrt(expected.Zip(values).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / expected.Sum(value => (double)value * value));
        Assert.InRange(error, 1e-6, tolerance);
    }

    [Fact]
    public void Emit_Int4_KeepsTheHeadAndTheTableHigher()
    {
        GraphBuilder graph = new("llama", new GraphOptions { Precision = PrecisionPolicy.Parse("int4") });

        Assert.Equal(Precision.Int4, graph.ChoosePrecision("/layers.0/attention/wo", MatrixRole.Layer));
        Assert.Equal(Precision.Int8, graph.ChoosePrecision("/output", MatrixRole.Head));
        Assert.Equal(Precision.Float16, graph.ChoosePrecision("/tok_embeddings", MatrixRole.Table));
    }

    [Fact]
    public void Emit_Float16Layer_IsRefused()
    {
        GraphBuilder graph = new("llama", new GraphOptions { Precision = PrecisionPolicy.Parse("llama/output=float16") });

        Assert.Contains("no embedding table", Assert.Throws<ExportException>(() => graph.ChoosePrecision("/output", MatrixRole.Head)).Message, StringComparison.Ordinal);
    }

    private static float[] Run(PrecisionPolicy policy, int inputs, int outputs, bool hasBias)
    {
        GraphBuilder graph = new("linear", new GraphOptions { Precision = policy });
        Value x = graph.Input("x", TensorElementKind.Float, 1, "rows", inputs);
        Value y = Linear.Emit(graph, "/fc", x, Numbers.Weight("w", 1, 1, outputs, inputs), hasBias ? Numbers.Weight("b", 2, 3, outputs) : null);
        graph.Output("y", y, TensorElementKind.Float, 1, "rows", outputs);
        using GraphRunner runner = new(graph);
        return runner.Run(("x", Numbers.Make(Rows * inputs, 3), [1, Rows, inputs]))["y"].Values;
    }
}
