using M2UGen.Export.Graph;
using M2UGen.Export.Quantization;
using M2UGen.Sdk;

namespace M2UGen.Export.Blocks;

/// <summary>A table of vectors, one picked per id.</summary>
/// <remarks>
/// <code>
/// ids [..] int64 ── Gather(table [count, dim]) ── [.., dim]                            float32
/// ids [..] int64 ── Gather(table [count, dim]) ── Cast ── [.., dim]                    float16
/// ids [..] int64 ── GatherBlockQuantized(codes, scales, zero points) ── [.., dim]      int8, int4
/// </code>
/// ONNX Runtime reads the table through its memory map: only the rows that are asked for come into memory. What a smaller table saves is room on the disk.
/// </remarks>
internal static class Embedding
{
    /// <summary>Adds the table and the lookup.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/tok_embeddings</c>.</param>
    /// <param name="ids">[..] int64, each below the table's row count.</param>
    /// <param name="table">[count, dim].</param>
    /// <returns>[.., dim] float.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value ids, Weight table)
    {
        string path = Linear.InitializerPath(name);
        Precision precision = graph.ChoosePrecision(name, MatrixRole.Table);
        switch (precision)
        {
            case Precision.Float16:
                Value halves = graph.Gather($"{name}/Gather", graph.Initializer($"{path}.weight", new Float16Initializer(table)), ids, axis: 0);
                return graph.Cast($"{name}/Cast", halves, DataType.Float);
            case Precision.Int8 or Precision.Int4:
                return EmitQuantized(graph, name, ids, new QuantizedWeight(table, graph.Options.Precision.FormatOf(precision)));
            default:
                using (graph.KeepFloat32())
                {
                    return graph.Gather($"{name}/Gather", graph.Weight($"{path}.weight", table), ids, axis: 0);
                }
        }
    }

    private static Value EmitQuantized(GraphBuilder graph, string name, Value ids, QuantizedWeight table)
    {
        string path = Linear.InitializerPath(name);
        BlockFormat format = table.Format;

        // The operator knows rows without a border between their blocks, and wants whole blocks.
        Value codes = graph.Initializer($"{path}.weight.codes", table.FlatCodes);
        Value scales = graph.Initializer($"{path}.weight.scales", table.Scales);
        Value[] inputs = table.ZeroPoints is { } points ? [codes, ids, scales, graph.Initializer($"{path}.weight.zero_points", points)] : [codes, ids, scales];
        Value rows = graph.MicrosoftOp(
            "GatherBlockQuantized",
            $"{name}/GatherBlockQuantized",
            inputs,
            ("bits", format.Bits),
            ("block_size", format.BlockSize),
            ("gather_axis", 0),
            ("quantize_axis", 1));
        return table.FilledColumns == table.Columns ? rows : graph.Slice($"{name}/Slice", rows, 0, table.Columns, axis: -1);
    }
}
