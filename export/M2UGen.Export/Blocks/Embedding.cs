using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>A table of vectors, one picked per id.</summary>
/// <remarks>
/// <code>
/// ids [..] int64 ── Gather(table [count, dim]) ── [.., dim]
/// </code>
/// ONNX Runtime reads the table through its memory map: only the rows that are asked for come into memory.
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
        => graph.Gather($"{name}/Gather", graph.Weight($"{Linear.InitializerPath(name)}.weight", table), ids, axis: 0);
}
