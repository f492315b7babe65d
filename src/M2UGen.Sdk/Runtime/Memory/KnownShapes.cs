namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>Tells the values whose shapes the runtime knows when it loads a graph, in numbers or in the names of the inputs' dimensions.</summary>
/// <remarks>
/// Found by working the sizes out twice, for two sets of input sizes. A dimension that is the same in both is a number. One that differs is known where it is passed on as it is from a
/// known one; what is computed from it (the length behind a convolution, a product of dimensions) has no name, and so is unknown until the run.
/// </remarks>
internal static class KnownShapes
{
    /// <summary>The values whose dimensions are all known.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="values">Sizes of all values.</param>
    /// <param name="others">The same for other sizes of the inputs' dimensions that vary.</param>
    public static IReadOnlySet<string> Of(OnnxGraph graph, IReadOnlyDictionary<string, ValueSize> values, IReadOnlyDictionary<string, ValueSize> others)
    {
        HashSet<string> known = new(StringComparer.Ordinal);
        Dictionary<string, bool[]> dimensions = new(StringComparer.Ordinal);
        foreach (OnnxNode node in graph.Nodes)
        {
            foreach (string output in node.Outputs)
            {
                if (output.Length == 0 || !values.TryGetValue(output, out ValueSize value))
                {
                    continue;
                }

                long[] other = others[output].Shape;
                bool[] isKnown = new bool[value.Shape.Length];
                for (int axis = 0; axis < isKnown.Length; axis++)
                {
                    (long, long) pair = (value.Shape[axis], other[axis]);
                    isKnown[axis] = pair.Item1 == pair.Item2 || (PassesOn(node, axis, graph) && node.Inputs.Any(input => Has(input, pair)));
                }

                dimensions[output] = isKnown;
                if (Array.TrueForAll(isKnown, dimension => dimension))
                {
                    known.Add(output);
                }
            }
        }

        return known;

        bool Has(string input, (long, long) pair)
        {
            if (input.Length == 0)
            {
                return false;
            }

            long[] shape = values[input].Shape;
            long[] other = others[input].Shape;
            bool[]? isKnown = dimensions.GetValueOrDefault(input);
            for (int axis = 0; axis < shape.Length; axis++)
            {
                if ((shape[axis], other[axis]) == pair && (isKnown is null || isKnown[axis]))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Whether the runtime's rules of shapes carry a name through a node.</summary>
    private static bool PassesOn(OnnxNode node, int axis, OnnxGraph graph) => node.Type switch
    {
        "Conv" or "ConvTranspose" or "Pad" or "Resize" => axis < 2,
        "Expand" or "Range" or "Tile" => false,
        "Reshape" => graph.Initializers.ContainsKey(node.Inputs[1]),
        _ => true,
    };
}
