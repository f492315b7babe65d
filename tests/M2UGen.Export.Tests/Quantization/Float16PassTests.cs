using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Quantization;

/// <summary>Where types meet in graphs of float16 elements.</summary>
public sealed class Float16PassTests
{
    private const int Width = 16;

    [Fact]
    public void Contents_Float16_CastsOnceAtEachBorder()
    {
        GraphBuilder graph = New();
        Value x = graph.Input("x", DataType.Float, "rows", Width);
        Value a = Linear.Emit(graph, "/a", x, Numbers.Weight("a", 1, 0.3f, Width, Width), Numbers.Weight("a.bias", 2, 1, Width));
        Value b = Linear.Emit(graph, "/b", x, Numbers.Weight("b", 3, 0.3f, Width, Width));
        graph.Output("y", graph.Add("/Add", a, b), DataType.Float, "rows", Width);

        Assert.Equal(["Cast", "MatMul", "Add", "MatMul", "Add", "Cast"], graph.Contents.Nodes.Select(node => node.OpType));
        Assert.All(graph.Contents.Initializers, weight => Assert.Equal(DataType.Float16, weight.Data.Type));
        Assert.Equal("float16", StoredPrecision.Of(graph));
    }

    [Fact]
    public void Contents_KeptNode_ComputesInFloat32()
    {
        GraphBuilder graph = New();
        Value x = graph.Input("x", DataType.Float, 1, Width);
        Value inner = Linear.Emit(graph, "/a", x, Numbers.Weight("a", 1, 0.3f, Width, Width));
        Value kept;
        using (graph.KeepFloat32())
        {
            kept = Linear.Emit(graph, "/b", inner, Numbers.Weight("b", 2, 0.3f, Width, Width));
        }

        graph.Output("y", kept, DataType.Float, 1, Width);

        Assert.Equal(["Cast", "MatMul", "Cast", "MatMul", "Identity"], graph.Contents.Nodes.Select(node => node.OpType));
        Assert.Equal([("a.weight", DataType.Float16), ("b.weight", DataType.Float)], graph.Contents.Initializers.Select(weight => (weight.Name, weight.Data.Type)));
        Assert.Equal(1, graph.Matrices[(MatrixRole.Layer, Precision.Float32)]);
    }

    [Fact]
    public void Contents_Head_StaysInFloat32UnlessNamed()
    {
        Assert.Equal(DataType.Float, Head("float16"));
        Assert.Equal(DataType.Float16, Head("float16,test/output=float16"));

        static DataType Head(string precision)
        {
            GraphBuilder graph = New(precision);
            Value x = graph.Input("x", DataType.Float, 1, Width);
            graph.Output("y", Linear.Emit(graph, "/output", x, Numbers.Weight("w", 1, 0.3f, 4, Width), role: MatrixRole.Head), DataType.Float, 1, 4);
            return graph.Contents.Initializers.Single().Data.Type;
        }
    }

    [Fact]
    public void Run_AttentionWithTheLowestFloat_HidesTheKey()
    {
        float[] bias = [0, -1e9f, float.MinValue];
        Near.Equal(Attend("float32", bias), Attend("float16", bias), 2e-3, "context");

        // A row without any key to look at means nothing, but must not spread as NaN.
        Assert.All(Attend("float16", [float.MinValue, float.MinValue, float.MinValue]), value => Assert.True(float.IsFinite(value)));
    }

    [Theory]
    [InlineData("test=int8", 0.02)]
    [InlineData("test=int4", 0.15)]
    public void Run_IntegersInFloat16_HaveScalesOfFloat16(string rule, double tolerance)
    {
        float[] exact = Run("float32");
        float[] mixed = Run($"float16,{rule}");

        double error = Math.Sqrt(exact.Zip(mixed).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / exact.Sum(value => (double)value * value));
        Assert.InRange(error, 1e-5, tolerance);

        static float[] Run(string precision)
        {
            GraphBuilder graph = Layer(precision, largest: 1);
            Assert.All(graph.Contents.Initializers, weight => Assert.Equal(
                precision == "float32" ? DataType.Float : weight.Name.EndsWith("codes", StringComparison.Ordinal) ? DataType.UInt8 : DataType.Float16,
                weight.Data.Type));
            using GraphRunner runner = new(graph);
            return runner.Run(("x", Numbers.Make(3 * 64, 5), [3, 64]))["y"].Values;
        }
    }

    [Fact]
    public void Save_WeightBeyondTheRange_StaysInFloat32()
    {
        using TemporaryFolder folder = new();
        GraphBuilder graph = Layer("float16", largest: 1e5f);
        long written = 0;
        IReadOnlyList<BundleFile> files = GraphFile.Save(graph, folder.Path, bytes => written += bytes);

        Assert.Equal("a.weight", Assert.Single(graph.BeyondFloat16));
        Assert.Equal([DataType.Float, DataType.Float16], graph.Contents.Initializers.Select(weight => weight.Data.Type));
        Assert.Equal((64 * 8 * 4) + (8 * 2), written);
        Assert.Equal(new FileInfo(folder.File(files[1].Path)).Length, files[1].Size);

        float[] x = Numbers.Make(3 * 64, 5);
        x.AsSpan().Fill(1e-3f);
        using GraphRunner exact = new(Layer("float32", largest: 1e5f));
        using GraphRunner half = new(Layer("float16", largest: 1e5f));
        Near.Equal(exact.Run(("x", x, [3, 64]))["y"].Values, half.Run(("x", x, [3, 64]))["y"].Values, 2, "y");
    }

    [Fact]
    public void Save_TableBeyondTheRange_IsAnErrorThatNamesIt()
    {
        using TemporaryFolder folder = new();
        GraphBuilder graph = new("test", new GraphOptions { Precision = PrecisionPolicy.Parse("test/rows=float16") });
        Value ids = graph.Input("ids", DataType.Int64, "n");
        graph.Output("y", Embedding.Emit(graph, "/rows", ids, Weight.Of("table", [1, 2], [1, 70000])), DataType.Float, "n", 2);

        Assert.Contains("'rows.weight'", Assert.Throws<ExportException>(() => GraphFile.Save(graph, folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contents_OperatorWithoutARule_IsAnError()
    {
        GraphBuilder graph = New();
        graph.Output("y", graph.Op("Erf", "/Erf", [graph.Input("x", DataType.Float, 1)]), DataType.Float, 1);
        Assert.Contains("'Erf'", Assert.Throws<InvalidOperationException>(() => graph.Contents).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contents_ConstantBeyondTheRange_IsAnError()
    {
        GraphBuilder graph = New();
        graph.Output("y", graph.Mul("/Mul", graph.Input("x", DataType.Float, 1), graph.FloatScalar(1e5f)), DataType.Float, 1);
        Assert.Contains("100000", Assert.Throws<InvalidOperationException>(() => graph.Contents).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contents_Cast_IsDoneOnceOrLeftOut()
    {
        GraphBuilder graph = New();
        Value ids = graph.Input("ids", DataType.Int64, "n");
        Value table = Embedding.Emit(graph, "/rows", ids, Numbers.Weight("table", 1, 1, 5, Width));
        graph.Output("y", graph.Mul("/Mul", table, graph.Unsqueeze("/Unsqueeze", graph.Cast("/Cast", ids, DataType.Float), 1)), DataType.Float, "n", Width);

        Assert.Equal(["Gather", "Cast", "Unsqueeze", "Mul", "Cast"], graph.Contents.Nodes.Select(node => node.OpType));
        using GraphRunner runner = new(graph);
        float[] expected = [.. Numbers.Make(5 * Width, 1).Select((value, i) => (float)(Half)value * (i / Width)).Skip(Width)];
        Near.Equal(expected, runner.Run(("ids", new long[] { 1, 2, 3, 4 }, [4]))["y"].Values, 3e-3, "y");
    }

    private static GraphBuilder New(string precision = "float16") => new("test", new GraphOptions { Precision = PrecisionPolicy.Parse(precision) });

    private static GraphBuilder Layer(string precision, float largest)
    {
        GraphBuilder graph = New(precision);
        Value x = graph.Input("x", DataType.Float, "rows", 64);
        graph.Output("y", Linear.Emit(graph, "/a", x, Numbers.Weight("a", 1, largest, 8, 64), Numbers.Weight("b", 2, 1, 8)), DataType.Float, "rows", 8);
        return graph;
    }

    private static float[] Attend(string precision, float[] bias)
    {
        const int Keys = 3;
        GraphBuilder graph = New(precision);
        Value query = graph.Input("query", DataType.Float, 1, 1, Width);
        Value key = graph.Input("key", DataType.Float, 1, Keys, Width);
        Value value = graph.Input("value", DataType.Float, 1, Keys, Width);
        Value scores = graph.Input("bias", DataType.Float, 1, 1, 1, Keys);
        graph.Output("y", graph.MicrosoftOp("MultiHeadAttention", "/attention", [query, key, value, Value.None, Value.None, scores], ("num_heads", 1)), DataType.Float, 1, 1, Width);
        using GraphRunner runner = new(graph);
        return runner.Run(
            ("query", Numbers.Make(Width, 1), [1, 1, Width]),
            ("key", Numbers.Make(Keys * Width, 2), [1, Keys, Width]),
            ("value", Numbers.Make(Keys * Width, 3), [1, Keys, Width]),
            ("bias", bias, [1, 1, 1, Keys]))["y"].Values;
    }
}
