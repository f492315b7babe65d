namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>Which values of a graph share a buffer, and when each buffer goes back to the arena: what ONNX Runtime settles when it loads a graph (allocation_planner.cc).</summary>
/// <remarks>
/// A value gets, in this order: the buffer of the value that it renames; the buffer of an input that nobody else reads, where the operator can work in place; the buffer, of a value as large,
/// that was done with last; a new one. All but the first need shapes that are known when the graph is loaded.
/// </remarks>
internal sealed class BufferPlan
{
    private readonly Dictionary<string, string> _buffers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lastUse = new(StringComparer.Ordinal);
    private readonly ILookup<int, string> _freed;

    /// <param name="graph">The graph.</param>
    /// <param name="values">The sizes of its values.</param>
    /// <param name="known">The values whose shapes are known when the graph is loaded.</param>
    public BufferPlan(OnnxGraph graph, IReadOnlyDictionary<string, ValueSize> values, IReadOnlySet<string> known)
    {
        Dictionary<string, int> readers = Readers(graph);
        Dictionary<string, int> uses = new(StringComparer.Ordinal);
        LinkedList<string> idle = [];
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            OnnxNode node = graph.Nodes[i];
            foreach (string output in node.Outputs)
            {
                if (output.Length == 0 || !values.ContainsKey(output))
                {
                    continue;
                }

                string buffer = Choose(node, output);
                _buffers[output] = buffer;
                uses[buffer] = uses.GetValueOrDefault(buffer) + readers.GetValueOrDefault(output);
                _lastUse[buffer] = i;
            }

            foreach (string value in node.Inputs.Distinct())
            {
                if (value.Length > 0 && _buffers.TryGetValue(value, out string? buffer))
                {
                    _lastUse[buffer] = i;
                    if (--uses[buffer] == 0)
                    {
                        idle.AddFirst(buffer);
                    }
                }
            }
        }

        // The caller takes them when the run is over.
        foreach (string output in graph.Outputs)
        {
            if (_buffers.TryGetValue(output, out string? buffer))
            {
                _lastUse[buffer] = graph.Nodes.Count;
            }
        }

        _freed = _lastUse.ToLookup(pair => pair.Value, pair => pair.Key);

        string Choose(OnnxNode node, string output)
        {
            if (IsView(node) && _buffers.TryGetValue(node.Inputs[0], out string? renamed))
            {
                return renamed;
            }

            if (!known.Contains(output) || graph.Outputs.Contains(output))
            {
                return output;
            }

            if (WorksInPlace(node))
            {
                foreach (string input in node.Inputs)
                {
                    if (_buffers.TryGetValue(input, out string? own) && uses[own] == 1 && known.Contains(input) && values[input].Shape.AsSpan().SequenceEqual(values[output].Shape) && values[input].ElementBytes == values[output].ElementBytes)
                    {
                        return own;
                    }
                }
            }

            for (LinkedListNode<string>? free = idle.First; free is not null; free = free.Next)
            {
                if (known.Contains(free.Value) && values[free.Value].Bytes == values[output].Bytes && !graph.Outputs.Contains(free.Value))
                {
                    idle.Remove(free);
                    return free.Value;
                }
            }

            return output;
        }
    }

    /// <summary>Whether a value has a buffer of its own.</summary>
    public bool Owns(string value) => _buffers.TryGetValue(value, out string? buffer) && buffer == value;

    /// <summary>The buffers that are given back when a node is done; each goes by the value that it was taken for.</summary>
    public IEnumerable<string> FreedBehind(int node) => _freed[node];

    /// <summary>How many nodes read each value; an output of the graph has one more reader, the caller.</summary>
    private static Dictionary<string, int> Readers(OnnxGraph graph)
    {
        Dictionary<string, int> readers = new(StringComparer.Ordinal);
        foreach (string value in graph.Nodes.SelectMany(node => node.Inputs.Distinct()).Concat(graph.Outputs))
        {
            readers[value] = readers.GetValueOrDefault(value) + 1;
        }

        return readers;
    }

    private static bool IsView(OnnxNode node) => node.Type is "Reshape" or "Squeeze" or "Unsqueeze" or "Identity" or "Flatten";

    private static bool WorksInPlace(OnnxNode node) =>
        node.Type is "Add" or "Sub" or "Mul" or "Div" or "Relu" or "Sigmoid" or "Tanh" or "Elu" or "LeakyRelu" or "Clip" or "Softmax" or "QuickGelu" or "Neg" or "Sin" or "Cos" or "Floor";
}
