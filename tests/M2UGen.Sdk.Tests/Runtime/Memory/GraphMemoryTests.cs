using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Tests.Runtime.Memory;

public sealed class GraphMemoryTests
{
    private static readonly Dictionary<string, long[]> None = [];

    public static TheoryData<string, long[][], long[]> Shapes => new()
    {
        { "Add", [[2, 1, 4], [3, 1]], [2, 3, 4] },
        { "MatMul", [[2, 5, 3], [3, 7]], [2, 5, 7] },
        { "Relu", [[2, 9]], [2, 9] },
        { "LayerNormalization", [[2, 9], [9], [9]], [2, 9] },
        { "GlobalAveragePool", [[2, 8, 5, 6]], [2, 8, 1, 1] },
        { "Conv", [[1, 3, 20], [8, 3, 5]], [1, 8, 16] },
        { "ConvTranspose", [[1, 4, 10], [4, 6, 8]], [1, 6, 17] },
        { "Gather", [[50, 6], [2, 7]], [2, 7, 6] },
        { "MultiHeadAttention", [[1, 5, 8], [1, 9, 8], [1, 9, 8]], [1, 5, 8] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Infer_FollowsTheOperatorsRule(string type, long[][] inputs, long[] expected) =>
        Assert.Equal(expected, Infer(new OnnxNode(type, [.. inputs.Select((_, i) => $"x{i}")], ["y"], None), inputs));

    [Fact]
    public void Infer_ShapesMadeOfShapes_AreFollowed()
    {
        // y = Reshape(x, Concat(Shape(x)[0:1], [6])): what exporters write to keep a batch.
        OnnxGraph graph = new(
            [
                new OnnxNode("Shape", ["x"], ["batch"], new Dictionary<string, long[]> { ["start"] = [0], ["end"] = [1] }),
                new OnnxNode("Concat", ["batch", "six"], ["shape"], new Dictionary<string, long[]> { ["axis"] = [0] }),
                new OnnxNode("Reshape", ["x", "shape"], ["y"], None),
            ],
            new Dictionary<string, OnnxInitializer> { ["six"] = new(8, [1], false, [6]) },
            ["y"]);
        Assert.Equal([5, 6], GraphShapes.Infer(graph, Inputs([5, 2, 3]))["y"].Shape);
    }

    [Fact]
    public void Infer_ShapesThatDoNotFit_NameTheOperator()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Infer(new OnnxNode("Add", ["x0", "x1"], ["y"], None), [[2, 3], [2, 4]]));
        Assert.Contains("Add", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 4]", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 32, 0.5 + 0.25)]
    [InlineData(4, 128, 0.5 + 0.0625)]
    [InlineData(8, 64, 1 + 0.125)]
    public void WeightMemory_OfQuantisedMatrix_IsCodesScalesAndSums(int bits, int block, double bytesOfWeight)
    {
        OnnxNode node = new("MatMulNBits", ["x0", "w", "s"], ["y"], new Dictionary<string, long[]> { ["K"] = [1024], ["N"] = [4096], ["bits"] = [bits], ["block_size"] = [block] });
        OnnxInitializer codes = new(1, [4096, 1024 / block, block * bits / 8], true, null);
        OnnxInitializer scales = new(4, [4096, 1024 / block], true, null);
        WeightMemory memory = WeightMemory.Of(new OnnxGraph([node], new Dictionary<string, OnnxInitializer> { ["w"] = codes, ["s"] = scales }, ["y"]));
        Assert.Equal(bytesOfWeight, memory.AnonymousBytes / (1024.0 * 4096), tolerance: 0.005);
        Assert.Equal(scales.Bytes, memory.MappedBytes);
        Assert.Equal(codes.Bytes, memory.LoadingBytes);
    }

    [Fact]
    public void WeightMemory_MatrixIsCopiedConvolutionMappedTableHardlyRead()
    {
        OnnxGraph graph = new(
            [new OnnxNode("Gather", ["table", "x0"], ["a"], None), new OnnxNode("MatMul", ["a", "matrix"], ["b"], None), new OnnxNode("Conv", ["b", "kernel"], ["y"], None)],
            new Dictionary<string, OnnxInitializer>
            {
                ["table"] = new(4, [100_000, 64], true, null),
                ["matrix"] = new(4, [64, 1000], true, null),
                ["kernel"] = new(4, [1000, 64, 7], true, null),
                ["unread"] = new(4, [1000, 1000], true, null),
            },
            ["y"]);
        WeightMemory memory = WeightMemory.Of(graph);

        // 1008 columns: whole vectors.
        Assert.InRange(memory.AnonymousBytes, 64 * 1008 * 4, (64 * 1008 * 4) + 100_000);
        Assert.Equal(1000 * 64 * 7 * 4, memory.MappedBytes);
        Assert.Equal(64 * 1000 * 4, memory.LoadingBytes);
    }

    [Fact]
    public void ArenaOf_AChainOfKnownShapes_NeedsTwoBuffersAndNotOneForEveryNode()
    {
        const int Length = 8;
        OnnxGraph graph = Chain("Gelu", Length);
        Dictionary<string, ValueSize> values = GraphShapes.Infer(graph, Inputs([1, 1 << 20]));
        long arena = RunMemory.ArenaOf(graph, values, KnownShapes.Of(graph, values, GraphShapes.Infer(graph, Inputs([1, 1 << 21]))));

        // And one for the output, which is never shared.
        Assert.InRange(arena, 2L << 22, 3L << 22);
    }

    [Fact]
    public void KnownShapes_BehindAConvolution_AreNotKnownUntilTheRun()
    {
        OnnxGraph graph = new(
            [new OnnxNode("Relu", ["x0"], ["a"], None), new OnnxNode("Conv", ["a", "k"], ["b"], None), new OnnxNode("GlobalAveragePool", ["b"], ["y"], None)],
            new Dictionary<string, OnnxInitializer> { ["k"] = new(4, [8, 4, 3], true, null) },
            ["y"]);
        Dictionary<string, ValueSize> values = GraphShapes.Infer(graph, Inputs([1, 4, 100]));
        Assert.Equal(["a", "y"], KnownShapes.Of(graph, values, GraphShapes.Infer(graph, Inputs([1, 4, 356]))).Order());
    }

    private static OnnxGraph Chain(string type, int length) => new(
        [.. Enumerable.Range(0, length).Select(i => new OnnxNode(type, [i == 0 ? "x0" : $"v{i - 1}"], [$"v{i}"], None))],
        new Dictionary<string, OnnxInitializer>(),
        [$"v{length - 1}"]);

    private static long[] Infer(OnnxNode node, long[][] inputs) =>
        GraphShapes.Infer(new OnnxGraph([node], new Dictionary<string, OnnxInitializer>(), ["y"]), Inputs(inputs))["y"].Shape;

    private static Dictionary<string, ValueSize> Inputs(params long[][] shapes) =>
        shapes.Select((shape, i) => (Name: shapes.Length == 1 ? "x" : $"x{i}", shape)).Concat(shapes.Length == 1 ? [("x0", shapes[0])] : []).ToDictionary(input => input.Item1, input => new ValueSize(input.Item2, 4));
}
