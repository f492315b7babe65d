using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>A block of the exporter as a graph of its own.</summary>
internal static class GraphRun
{
    /// <summary>Saves the graph as the only component of a bundle and loads it.</summary>
    public static OnnxModel Load(GraphBuilder graph, string folder)
    {
        IReadOnlyList<BundleFile> files = GraphFile.Save(graph, folder);
        BundleComponent component = new()
        {
            Graph = files[0].Path,
            Files = files,
            Precision = "float32",
            Inputs = graph.Inputs,
            Outputs = graph.Outputs,
        };
        return OnnxModel.Load(Path.Combine(folder, component.Graph), graph.Name, component, new RuntimeOptions());
    }
}
