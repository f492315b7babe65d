using System.Runtime.InteropServices;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Tests.Graph;

/// <summary>What is written in pieces must be what is loaded whole.</summary>
public sealed class WeightTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(33, 65)]
    [InlineData(1031, 1103)] // more than one piece, and no multiple of a block either way
    [InlineData(3, 700_001)]
    [InlineData(1_100_003, 2)]
    public void WriteTo_Transposed_GivesTheLoadedElements(int rows, int columns)
    {
        float[] elements = [.. Enumerable.Range(0, rows * columns).Select(i => (float)i)];
        Weight transposed = Weight.Of("w", [rows, columns], elements).Transposed();

        float[] loaded = transposed.Load();

        Assert.Equal(elements[columns - 1], loaded[(columns - 1) * rows]);
        Assert.Equal(elements[(rows - 1) * columns], loaded[rows - 1]);
        Assert.True(Written(transposed).AsSpan().SequenceEqual(loaded));
    }

    [Fact]
    public void WriteTo_StackAndReshape_GiveTheLoadedElements()
    {
        Weight stack = Weight.Stack("s", Weight.Of("a", [2, 3], [1, 2, 3, 4, 5, 6]), new Weight("b", [1, 3], () => [7, 8, 9]), Weight.Of("c", [3, 1], [10, 11, 12]).Transposed());

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], stack.Load());
        Assert.Equal(stack.Load(), Written(stack));
        Assert.Equal(stack.Load(), Written(stack.Reshaped(2, 6)));
        Assert.Equal(stack.Transposed().Load(), Written(stack.Transposed()));
    }

    [Fact]
    public void Load_GivenElements_AreTheCallersToChange()
    {
        Weight weight = Weight.Of("w", [2], [1, 2]);

        weight.Load()[0] = 5;

        Assert.Equal([1, 2], weight.Load());
    }

    private static float[] Written(Weight weight)
    {
        using MemoryStream stream = new();
        weight.WriteTo(stream);
        return MemoryMarshal.Cast<byte, float>(stream.ToArray()).ToArray();
    }
}
