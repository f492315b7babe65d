using M2UGen.Export.Graph;
using M2UGen.Export.Slicing;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Tests.Slicing;

public sealed class SlicedGraphTests : IDisposable
{
    private const int Size = 16;
    private const long MatrixBytes = Size * Size * sizeof(float);

    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-slices-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(3 * MatrixBytes, 1)]
    [InlineData(2 * MatrixBytes, 2)]
    [InlineData(1, 3)]
    public void Cut_HoldsAsManyWeightsASliceAsItMay(long most, int slices) => Assert.Equal(slices, Cut(most).Slices.Count);

    [Fact]
    public void Cut_WhatCrossesACut_IsGivenByOneSliceAndNeededByALaterOne()
    {
        SlicedGraph graph = Cut(1);
        Assert.Equal(["x"], graph.Slices[0].Needs);
        string first = Assert.Single(graph.Slices[0].Gives);
        Assert.Equal([first], graph.Slices[1].Needs);
        string second = Assert.Single(graph.Slices[1].Gives);

        // The sum at the end reads what the first slice gave, over the second one's head.
        Assert.Equal([second, first], graph.Slices[2].Needs);
        Assert.Equal(["y"], graph.Slices[2].Gives);
        Assert.True(graph.IsReadBehind(1, first));
        Assert.False(graph.IsReadBehind(2, first));
    }

    [Fact]
    public void Cut_SharedWeight_IsInEverySliceThatReadsIt()
    {
        GraphBuilder builder = new("shared");
        Value x = builder.Input("x", TensorElementKind.Float, "rows", Size);
        Value shared = builder.Weight("shared", Matrix("shared"));
        Value first = builder.MatMul("/first", x, shared);
        Value between = builder.MatMul("/between", first, builder.Weight("between", Matrix("between")));
        builder.Output("y", builder.MatMul("/last", between, shared), TensorElementKind.Float, "rows", Size);

        SlicedGraph graph = SlicedGraph.Cut(Save(builder), 1);
        Assert.Equal([1, 1, 1], graph.Slices.Select((_, i) => graph.WeightsOf(i..(i + 1)).Count()));
        Assert.Equal(graph.WeightsOf(0..1).Single(), graph.WeightsOf(2..3).Single());
    }

    [Fact]
    public void Cut_NoGraph_IsRefused() => Assert.Throws<InvalidDataException>(() => SlicedGraph.Cut([8, 10], 1));

    private SlicedGraph Cut(long most)
    {
        GraphBuilder builder = new("chain");
        Value x = builder.Input("x", TensorElementKind.Float, "rows", Size);
        Value first = builder.MatMul("/first", x, builder.Weight("first", Matrix("first")));
        Value second = builder.MatMul("/second", first, builder.Weight("second", Matrix("second")));
        Value third = builder.MatMul("/third", second, builder.Weight("third", Matrix("third")));
        builder.Output("y", builder.Add("/sum", third, first), TensorElementKind.Float, "rows", Size);
        return SlicedGraph.Cut(Save(builder), most);
    }

    private byte[] Save(GraphBuilder builder)
    {
        GraphFile.Save(builder, _folder);
        return File.ReadAllBytes(Path.Combine(_folder, builder.Name + ".onnx"));
    }

    private static Weight Matrix(string name) => Weight.Of(name, [Size, Size], new float[Size * Size]);
}
