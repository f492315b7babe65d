using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Cli.Bench;

/// <summary>How near a loop over a model's weights comes to what memory allows: every step reads all of them, so steps a second are at most bandwidth by bytes.</summary>
internal static class ReadBound
{
    /// <summary>Bytes of the weights that every run of a component reads: all but the tables of which it takes single rows.</summary>
    public static long WeightBytes(ModelBundle bundle, string component)
    {
        OnnxGraph graph = OnnxGraphReader.Read(bundle.PathOf(bundle.Component(component).Graph));
        HashSet<string> tables = [.. graph.Nodes.Where(node => node.Type == "Gather").Select(node => node.Inputs[0])];
        return graph.Initializers.Where(pair => !tables.Contains(pair.Key)).Sum(pair => pair.Value.Bytes);
    }

    /// <summary>Adds bandwidth, weights and their ratio to a measured rate.</summary>
    /// <param name="result">Where to.</param>
    /// <param name="stepsPerSecond">The rate.</param>
    /// <param name="weightBytes">Bytes a step reads.</param>
    /// <param name="readGigabytes">Gigabytes a second that memory gave meanwhile.</param>
    public static void Add(JsonObject result, double stepsPerSecond, long weightBytes, double readGigabytes)
    {
        result["read_gb_per_second"] = readGigabytes;
        result["weight_gb"] = weightBytes / 1e9;
        result["ratio_to_read_bound"] = stepsPerSecond * weightBytes / 1e9 / readGigabytes;
    }
}
