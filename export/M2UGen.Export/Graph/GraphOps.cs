namespace M2UGen.Export.Graph;

/// <summary>Short forms of the standard operators that nearly every block uses.</summary>
internal static class GraphOps
{
    /// <summary>a + b.</summary>
    public static Value Add(this GraphBuilder graph, string name, Value a, Value b) => graph.Op("Add", name, [a, b]);

    /// <summary>a - b.</summary>
    public static Value Sub(this GraphBuilder graph, string name, Value a, Value b) => graph.Op("Sub", name, [a, b]);

    /// <summary>a * b, element by element.</summary>
    public static Value Mul(this GraphBuilder graph, string name, Value a, Value b) => graph.Op("Mul", name, [a, b]);

    /// <summary>a / b, element by element.</summary>
    public static Value Div(this GraphBuilder graph, string name, Value a, Value b) => graph.Op("Div", name, [a, b]);

    /// <summary>The product of matrices (or stacks of them).</summary>
    public static Value MatMul(this GraphBuilder graph, string name, Value a, Value b) => graph.Op("MatMul", name, [a, b]);

    /// <summary>Rows (or slices) of <paramref name="data"/> picked by <paramref name="indices"/>.</summary>
    public static Value Gather(this GraphBuilder graph, string name, Value data, Value indices, int axis) => graph.Op("Gather", name, [data, indices], ("axis", axis));

    /// <summary>The same elements in another shape; 0 keeps a dimension, -1 is inferred.</summary>
    public static Value Reshape(this GraphBuilder graph, string name, Value value, params ReadOnlySpan<long> shape) => graph.Op("Reshape", name, [value, graph.Int64s(shape)]);

    /// <summary>Dimensions in another order.</summary>
    public static Value Transpose(this GraphBuilder graph, string name, Value value, params long[] permutation) => graph.Op("Transpose", name, [value], ("perm", permutation));

    /// <summary>Values one after the other along <paramref name="axis"/>.</summary>
    public static Value Concat(this GraphBuilder graph, string name, int axis, params ReadOnlySpan<Value> values) => graph.Op("Concat", name, values, ("axis", axis));

    /// <summary>The part from <paramref name="start"/> (included) to <paramref name="end"/> (excluded) along one axis; both are 1-D values of one element.</summary>
    public static Value Slice(this GraphBuilder graph, string name, Value value, Value start, Value end, int axis) => graph.Op("Slice", name, [value, start, end, graph.Int64s(axis)]);

    /// <summary>The part from <paramref name="start"/> (included) to <paramref name="end"/> (excluded) along one axis.</summary>
    public static Value Slice(this GraphBuilder graph, string name, Value value, long start, long end, int axis) => graph.Slice(name, value, graph.Int64s(start), graph.Int64s(end), axis);

    /// <summary>A new dimension of size one at <paramref name="axis"/>.</summary>
    public static Value Unsqueeze(this GraphBuilder graph, string name, Value value, int axis) => graph.Op("Unsqueeze", name, [value, graph.Int64s(axis)]);

    /// <summary>Removes the dimension of size one at <paramref name="axis"/>.</summary>
    public static Value Squeeze(this GraphBuilder graph, string name, Value value, int axis) => graph.Op("Squeeze", name, [value, graph.Int64s(axis)]);

    /// <summary>Softmax along <paramref name="axis"/>.</summary>
    public static Value Softmax(this GraphBuilder graph, string name, Value value, int axis = -1) => graph.Op("Softmax", name, [value], ("axis", axis));

    /// <summary>The size of one dimension, as a 1-D value of one element.</summary>
    public static Value Dimension(this GraphBuilder graph, string name, Value value, int axis) => graph.Op("Shape", name, [value], ("start", axis), ("end", axis + 1));

    /// <summary>Conversion to another element type.</summary>
    public static Value Cast(this GraphBuilder graph, string name, Value value, DataType type) => graph.Op("Cast", name, [value], ("to", (long)type));
}
