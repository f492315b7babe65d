namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>What a loaded graph's weights take.</summary>
/// <param name="AnonymousBytes">Memory of the process: weights that the runtime copied into the form that its kernels want, and what it keeps for every node.</param>
/// <param name="MappedBytes">Pages of the data file that runs read where they are; the system may drop them and read them again.</param>
/// <param name="LoadingBytes">Pages of the data file that are copied from while it is loaded, and never read again.</param>
/// <remarks>
/// Measured with ONNX Runtime 1.31 on x64. Matrix products, recurrent layers, transposed convolutions and those over two dimensions copy their constant weights when they are loaded; tables,
/// norms, biases and convolutions over time read the mapped file.
/// </remarks>
internal readonly record struct WeightMemory(long AnonymousBytes, long MappedBytes, long LoadingBytes = 0)
{
    // Kernels want whole vectors of columns.
    private const int ColumnAlignment = 16;

    // Node, kernel, names and plan of each operator.
    private const int BytesPerNode = 8192;

    /// <summary>Adds up a graph's weights.</summary>
    public static WeightMemory Of(OnnxGraph graph)
    {
        long anonymous = (long)BytesPerNode * graph.Nodes.Count;
        long mapped = 0;
        long loading = 0;
        Dictionary<string, (OnnxNode Node, int Input)> readers = new(StringComparer.Ordinal);
        foreach (OnnxNode node in graph.Nodes)
        {
            for (int i = 0; i < node.Inputs.Count; i++)
            {
                readers.TryAdd(node.Inputs[i], (node, i));
            }
        }

        foreach ((string name, OnnxInitializer initializer) in graph.Initializers)
        {
            if (!readers.TryGetValue(name, out (OnnxNode Node, int Input) reader))
            {
                continue;
            }

            long packed = PackedBytes(reader.Node, reader.Input, initializer);
            loading += packed > 0 && initializer.IsExternal ? initializer.Bytes : 0;
            anonymous += packed > 0 ? packed : initializer.IsExternal ? 0 : initializer.Bytes;
            mapped += packed > 0 || !initializer.IsExternal ? 0 : TouchedBytes(reader.Node, reader.Input, initializer);
        }

        return new WeightMemory(anonymous, mapped, loading);
    }

    /// <summary>Bytes of the copy that an operator makes of a constant; 0 where it makes none.</summary>
    private static long PackedBytes(OnnxNode node, int input, OnnxInitializer weight) => (node.Type, input) switch
    {
        ("MatMul" or "Gemm", 1) => weight.Shape[..^1].Aggregate(1L, (product, size) => product * size) * Align(weight.Shape[^1]) * sizeof(float),
        ("MatMulNBits", 1) => QuantizedBytes(node),
        ("LSTM", 1 or 2) => weight.Bytes,
        ("ConvTranspose", 1) => weight.Bytes,

        // Convolutions over two dimensions are computed in blocks of channels, for which their weights are put in another order.
        ("Conv", 1) when weight.Shape.Length == 4 => weight.Bytes,
        _ => 0,
    };

    /// <summary>Codes, and of every block its scale and the sum that its zero point stands for, in float32.</summary>
    private static long QuantizedBytes(OnnxNode node)
    {
        long columns = node.Number("N", 0);
        long size = node.Number("block_size", 32);
        long blocks = (node.Number("K", 0) + size - 1) / size;
        return (columns * blocks * ((size * node.Number("bits", 4) / 8) + sizeof(float))) + (Align(columns) * blocks * sizeof(float));
    }

    /// <summary>Of tables only the rows that are asked for are read, a few pages.</summary>
    private static long TouchedBytes(OnnxNode node, int input, OnnxInitializer weight) =>
        node.Type is "Gather" or "GatherBlockQuantized" && input != 1 ? 0 : weight.Bytes;

    private static long Align(long columns) => (columns + ColumnAlignment - 1) / ColumnAlignment * ColumnAlignment;
}
