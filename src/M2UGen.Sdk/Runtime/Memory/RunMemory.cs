namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>How much memory a run of a graph takes from its session's arena.</summary>
/// <remarks>
/// The runtime computes node by node, takes memory for what a node gives, and takes it back when the last node that reads it is done; operators that only rename
/// (Reshape, Squeeze, …) share it. Where it knows of two values before the run that they are as large, the later one gets the buffer of one that is done with, and that buffer is held
/// until then (allocation_planner.cc). Some operators need room of their own while they work. Outputs count too: the caller may have bound memory of its own for them, which is as large.
/// </remarks>
internal static class RunMemory
{
    private const int Float = sizeof(float);

    /// <summary>Bytes of the arena that a run writes to; they stay the session's.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="values">The sizes of all its values (<see cref="GraphShapes.Infer"/>).</param>
    /// <param name="known">The values whose shapes the runtime knows before the run.</param>
    public static long ArenaOf(OnnxGraph graph, IReadOnlyDictionary<string, ValueSize> values, IReadOnlySet<string> known)
    {
        BufferPlan plan = new(graph, values, known);
        Dictionary<string, ArenaSimulation.Block> held = new(StringComparer.Ordinal);
        ArenaSimulation arena = new();
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            OnnxNode node = graph.Nodes[i];
            foreach (string output in node.Outputs)
            {
                if (plan.Owns(output) && !IsCache(node, output))
                {
                    held.Add(output, arena.Take(values[output].Bytes));
                }
            }

            ArenaSimulation.Block[] scratch = [.. ScratchOf(node, values).Select(arena.Take)];
            foreach (ArenaSimulation.Block block in scratch)
            {
                arena.GiveBack(block);
            }

            foreach (string buffer in plan.FreedBehind(i))
            {
                if (held.Remove(buffer, out ArenaSimulation.Block block))
                {
                    arena.GiveBack(block);
                }
            }
        }

        return arena.TouchedBytes;
    }

    /// <summary>The cache is written where it is read: memory of the caller's.</summary>
    private static bool IsCache(OnnxNode node, string output) => node.Type == "GroupQueryAttention" && output != node.Outputs[0];

    private static long[] ScratchOf(OnnxNode node, IReadOnlyDictionary<string, ValueSize> values)
    {
        switch (node.Type)
        {
            case "ConvTranspose":
                // One matrix product for all taps, whose sums are then placed.
                ValueSize x = values[node.Inputs[0]];
                ValueSize weight = values[node.Inputs[1]];
                return [x.Count / x.Shape[1] / x.Shape[0] * (weight.Count / weight.Shape[0]) * Float];
            case "LSTM":
                // The four gates of all moments.
                return [4 * values[node.Outputs[0]].Bytes];
            case "MultiHeadAttention":
                return AttentionScratch(node, values);
            case "GroupQueryAttention":
                // The scores of every head, and queries, keys and values apart.
                ValueSize states = values[node.Inputs[0]];
                ValueSize past = values[node.Inputs[3]];
                return [states.Bytes, states.Shape[0] * node.Number("num_heads", 1) * states.Shape[1] * past.Shape[2] * Float];
            default:
                return [];
        }
    }

    private static long[] AttentionScratch(OnnxNode node, IReadOnlyDictionary<string, ValueSize> values)
    {
        ValueSize query = values[node.Inputs[0]];
        ValueSize key = values[node.Inputs[1]];
        ValueSize value = values[node.Inputs[2]];

        // Without a mask or bias the scores are made block by block.
        bool blocked = node.Inputs.Skip(4).All(input => input.Length == 0);
        long keys = key.Shape.Length == 4 ? key.Shape[2] : key.Shape[1];
        return
        [
            query.Bytes,
            key.Shape.Length == 3 ? key.Bytes : 0,
            key.Shape.Length == 3 ? value.Bytes : 0,
            blocked ? 0 : query.Shape[0] * node.Number("num_heads", 1) * query.Shape[1] * keys * Float,
        ];
    }
}
