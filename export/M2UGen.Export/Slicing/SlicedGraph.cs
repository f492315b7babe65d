using System.Text;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Export.Slicing;

/// <summary>A graph file cut into slices whose weights fit into little memory, to be run one after the other.</summary>
/// <remarks>
/// <code>
/// nodes in their order:  [ 0 1 2 3 | 4 5 6 | 7 8 9 … ]
///                                  │       └── values that cross a cut are outputs of one slice and inputs of another
///                                  └── where the next node's weights would be too many
/// </code>
/// Nodes and weights are copied as they are written; nothing of them is understood but names and sizes. Immutable.
/// </remarks>
internal sealed class SlicedGraph
{
    private readonly OnnxGraph _graph;
    private readonly List<byte[]> _nodes = [];
    private readonly Dictionary<string, byte[]> _weights = new(StringComparer.Ordinal);
    private readonly List<byte[]> _opsets = [];

    // The last node that reads a value.
    private readonly Dictionary<string, int> _lastReader = new(StringComparer.Ordinal);

    private SlicedGraph(OnnxGraph graph) => _graph = graph;

    /// <summary>The slices, in the order in which they run.</summary>
    public IReadOnlyList<GraphSlice> Slices { get; private set; } = [];

    /// <summary>The version of the file's format.</summary>
    public long IrVersion { get; private set; }

    /// <summary>The graph's name.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The operator sets, as written.</summary>
    public IReadOnlyList<byte[]> Opsets => _opsets;

    /// <summary>Cuts a graph.</summary>
    /// <param name="model">The file's bytes; weights lie beside it.</param>
    /// <param name="maxWeightBytes">Bytes of weights a slice, more where a single node has more.</param>
    /// <exception cref="InvalidDataException">It is no ONNX file.</exception>
    public static SlicedGraph Cut(ReadOnlySpan<byte> model, long maxWeightBytes)
    {
        SlicedGraph sliced = new(OnnxGraphReader.Parse(model));
        sliced.ReadModel(model);
        for (int i = 0; i < sliced._graph.Nodes.Count; i++)
        {
            foreach (string input in sliced._graph.Nodes[i].Inputs)
            {
                sliced._lastReader[input] = i;
            }
        }

        sliced.Slices = [.. sliced.Ranges(maxWeightBytes).Select(range => new GraphSlice(sliced, range))];
        return sliced;
    }

    /// <summary>Whether nodes behind <paramref name="slice"/> read a value.</summary>
    public bool IsReadBehind(int slice, string value) => Slices.Skip(slice + 1).Any(later => later.Needs.Contains(value));

    internal IReadOnlyList<string> NeedsOf(Range nodes)
    {
        HashSet<string> given = new(StringComparer.Ordinal);
        List<string> needs = [];
        foreach (OnnxNode node in Take(nodes))
        {
            foreach (string input in node.Inputs)
            {
                if (input.Length > 0 && !given.Contains(input) && !_graph.Initializers.ContainsKey(input) && !needs.Contains(input))
                {
                    needs.Add(input);
                }
            }

            given.UnionWith(node.Outputs);
        }

        return needs;
    }

    internal IReadOnlyList<string> GivesOf(Range nodes)
    {
        int end = nodes.End.GetOffset(_graph.Nodes.Count);
        return [.. Take(nodes).SelectMany(node => node.Outputs).Where(output => output.Length > 0 && (_lastReader.GetValueOrDefault(output, -1) >= end || _graph.Outputs.Contains(output)))];
    }

    internal IEnumerable<byte[]> NodesOf(Range nodes) => _nodes.Take(nodes);

    internal IEnumerable<byte[]> WeightsOf(Range nodes) => Take(nodes).SelectMany(node => node.Inputs).Distinct(StringComparer.Ordinal).Where(_weights.ContainsKey).Select(input => _weights[input]);

    private IEnumerable<OnnxNode> Take(Range nodes) => _graph.Nodes.Take(nodes);

    private IEnumerable<Range> Ranges(long maxWeightBytes)
    {
        int start = 0;
        long bytes = 0;
        HashSet<string> counted = new(StringComparer.Ordinal);
        for (int i = 0; i < _graph.Nodes.Count; i++)
        {
            string[] weights = [.. _graph.Nodes[i].Inputs.Where(input => _graph.Initializers.TryGetValue(input, out OnnxInitializer? weight) && weight.IsExternal)];
            long more = weights.Where(weight => !counted.Contains(weight)).Sum(weight => _graph.Initializers[weight].Bytes);
            if (bytes > 0 && more > 0 && bytes + more > maxWeightBytes)
            {
                yield return start..i;
                start = i;
                bytes = 0;
                counted.Clear();
                more = weights.Sum(weight => _graph.Initializers[weight].Bytes);
            }

            counted.UnionWith(weights);
            bytes += more;
        }

        yield return start.._graph.Nodes.Count;
    }

    private void ReadModel(ReadOnlySpan<byte> model)
    {
        ProtobufReader reader = new(model);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    IrVersion = reader.Int64;
                    break;
                case 7:
                    ReadGraph(reader.Bytes);
                    break;
                case 8:
                    _opsets.Add(reader.Bytes.ToArray());
                    break;
            }
        }
    }

    private void ReadGraph(ReadOnlySpan<byte> graph)
    {
        ProtobufReader reader = new(graph);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    _nodes.Add(reader.Bytes.ToArray());
                    break;
                case 2:
                    Name = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case 5:
                    _weights[NameOfTensor(reader.Bytes)] = reader.Bytes.ToArray();
                    break;
            }
        }
    }

    private static string NameOfTensor(ReadOnlySpan<byte> tensor)
    {
        ProtobufReader reader = new(tensor);
        while (reader.Next())
        {
            if (reader.Field == 8)
            {
                return Encoding.UTF8.GetString(reader.Bytes);
            }
        }

        throw new InvalidDataException("a weight has no name");
    }
}
