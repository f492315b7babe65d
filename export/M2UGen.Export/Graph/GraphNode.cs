namespace M2UGen.Export.Graph;

/// <summary>A node of a graph, by the names of its edges.</summary>
/// <param name="OpType">The operator.</param>
/// <param name="Domain">Empty for the standard, <c>com.microsoft</c> for ONNX Runtime's own.</param>
/// <param name="Name">The node's name.</param>
/// <param name="Inputs">In the operator's order; empty where an optional one is absent.</param>
/// <param name="Outputs">In the operator's order; empty where one is left out.</param>
/// <param name="Attributes">The attributes.</param>
/// <param name="KeepsFloat32">Whether it computes in float32 even where the graph's elements are float16.</param>
internal sealed record GraphNode(
    string OpType,
    string Domain,
    string Name,
    IReadOnlyList<string> Inputs,
    IReadOnlyList<string> Outputs,
    IReadOnlyList<NodeAttribute> Attributes,
    bool KeepsFloat32 = false);

/// <summary>A small constant that stands in the graph itself.</summary>
/// <param name="Name">The edge's name.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The dimensions.</param>
/// <param name="Raw">The elements, little-endian and row-major.</param>
internal sealed record InlineConstant(string Name, DataType Type, long[] Shape, byte[] Raw);

/// <summary>What a graph is made of, ready to be written.</summary>
/// <param name="Nodes">In an order in which they can run.</param>
/// <param name="Initializers">The weights, in the order of the data file.</param>
/// <param name="Constants">What stands in the graph itself.</param>
internal sealed record GraphContents(
    IReadOnlyList<GraphNode> Nodes,
    IReadOnlyList<(string Name, InitializerData Data)> Initializers,
    IReadOnlyList<InlineConstant> Constants);
