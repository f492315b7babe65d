using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Slicing;

/// <summary>Some nodes of a graph, one behind the other, with the weights that they read: a graph of its own.</summary>
/// <param name="source">The graph it is cut from.</param>
/// <param name="nodes">Its nodes' numbers there.</param>
internal sealed class GraphSlice(SlicedGraph source, Range nodes)
{
    /// <summary>Values that the nodes read and neither give nor have as weights: inputs of the graph, and what earlier slices gave.</summary>
    public IReadOnlyList<string> Needs { get; } = source.NeedsOf(nodes);

    /// <summary>Values that later nodes read, or that are outputs of the graph.</summary>
    public IReadOnlyList<string> Gives { get; } = source.GivesOf(nodes);

    /// <summary>Writes the slice as a model file; its weights stay in the file beside the whole graph.</summary>
    /// <param name="kindOf">The element type of each of <see cref="Needs"/>.</param>
    public byte[] Write(Func<string, TensorElementKind> kindOf)
    {
        ProtoWriter writer = new();
        writer.Int64(1, source.IrVersion);
        writer.Message(7, graph =>
        {
            foreach (byte[] node in source.NodesOf(nodes))
            {
                graph.Bytes(1, node);
            }

            graph.String(2, source.Name);
            foreach (byte[] weight in source.WeightsOf(nodes))
            {
                graph.Bytes(5, weight);
            }

            foreach (string name in Needs)
            {
                // A type without a shape: the runtime takes what it is given.
                graph.Message(11, value =>
                {
                    value.String(1, name);
                    value.Message(2, type => type.Message(1, tensor => tensor.Int64(1, (long)kindOf(name))));
                });
            }

            foreach (string name in Gives)
            {
                // The runtime finds the type itself.
                graph.Message(12, value => value.String(1, name));
            }
        });
        foreach (byte[] opset in source.Opsets)
        {
            writer.Bytes(8, opset);
        }

        return writer.Written.ToArray();
    }
}
