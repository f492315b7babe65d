namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>What an .onnx file says of its graph, weights left where they are: enough to tell what it takes to run it.</summary>
/// <param name="Nodes">The operators, in the file's order, which is one that they can run in.</param>
/// <param name="Initializers">The constants by name.</param>
/// <param name="Outputs">The names of what it gives.</param>
internal sealed record OnnxGraph(IReadOnlyList<OnnxNode> Nodes, IReadOnlyDictionary<string, OnnxInitializer> Initializers, IReadOnlyList<string> Outputs);

/// <summary>One operator of a graph.</summary>
/// <param name="Type">Its name in its operator set, such as <c>MatMul</c>.</param>
/// <param name="Inputs">Names of values; empty where an input is left out.</param>
/// <param name="Outputs">Names of values; empty where an output is left out.</param>
/// <param name="Attributes">Whole numbers alone, a single one as a list of one: nothing else says anything about sizes.</param>
internal sealed record OnnxNode(string Type, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, long[]> Attributes)
{
    /// <summary>A whole number of the node.</summary>
    public long Number(string name, long absent) => Attributes.TryGetValue(name, out long[]? values) && values.Length == 1 ? values[0] : absent;

    /// <summary>A list of the node; null where it is left out.</summary>
    public long[]? Numbers(string name) => Attributes.GetValueOrDefault(name);
}

/// <summary>A constant of a graph.</summary>
/// <param name="ElementBytes">Bytes of an element.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="IsExternal">Whether it lies in the data file, which the runtime maps, or inside the .onnx file, which it copies.</param>
/// <param name="Numbers">Its elements where they are a few whole numbers inside the file, else null: shapes are made of them.</param>
internal sealed record OnnxInitializer(int ElementBytes, long[] Shape, bool IsExternal, long[]? Numbers)
{
    /// <summary>Bytes of the whole constant.</summary>
    public long Bytes => Shape.Aggregate((long)ElementBytes, (product, size) => product * size);
}
