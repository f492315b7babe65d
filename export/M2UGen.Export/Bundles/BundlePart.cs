using System.Text.Json.Nodes;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Bundles;

/// <summary>One component of a bundle before it is saved.</summary>
/// <param name="Component">Its name in the manifest: <c>t5</c>, <c>musicgen-decoder</c>, …</param>
/// <param name="Graph">The graph, with its weights still unread.</param>
/// <param name="Config">Numbers that the caller of the graph needs.</param>
internal sealed record BundlePart(string Component, GraphBuilder Graph, JsonObject Config)
{
    /// <summary>Constants that the graph takes as inputs and that belong to it alone.</summary>
    public IReadOnlyList<PlannedTensor> Tensors { get; init; } = [];
}
