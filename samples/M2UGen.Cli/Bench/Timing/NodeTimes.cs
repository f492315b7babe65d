using System.Text.Json;

namespace M2UGen.Cli.Bench.Timing;

/// <summary>What each node of a graph took, from ONNX Runtime's profile: the least of its runs.</summary>
internal sealed class NodeTimes
{
    private const string KernelSuffix = "_kernel_time";
    private const string BlockedSuffix = "_nchwc";

    private static readonly Dictionary<string, string> Groups = new(StringComparer.Ordinal)
    {
        ["Conv"] = "convolution",
        ["FusedConv"] = "convolution",
        ["MatMul"] = "matrix_product",
        ["FusedMatMul"] = "matrix_product",
        ["Gemm"] = "matrix_product",
        ["FusedGemm"] = "matrix_product",
        ["MatMulNBits"] = "matrix_product",
        ["MultiHeadAttention"] = "attention",
        ["Attention"] = "attention",
        ["LayerNormalization"] = "normalization",
        ["SkipLayerNormalization"] = "normalization",
        ["InstanceNormalization"] = "normalization",
    };

    private readonly Dictionary<(string Node, string Operator), double> _seconds = [];

    /// <summary>Reads a profile.</summary>
    public NodeTimes(string path)
    {
        using JsonDocument profile = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (JsonElement entry in profile.RootElement.EnumerateArray())
        {
            string name = entry.GetProperty("name").GetString()!;
            if (entry.GetProperty("cat").GetString() == "Node" && name.EndsWith(KernelSuffix, StringComparison.Ordinal))
            {
                (string, string) key = (name[..^KernelSuffix.Length], entry.GetProperty("args").GetProperty("op_name").GetString()!);
                double time = entry.GetProperty("dur").GetInt64() * 1e-6;
                _seconds[key] = _seconds.TryGetValue(key, out double least) ? Math.Min(least, time) : time;
            }
        }
    }

    /// <summary>Seconds of all nodes, each at its fastest: nearer to what a quiet machine gives than the fastest of a few runs that take seconds.</summary>
    public double Seconds => _seconds.Values.Sum();

    /// <summary>For each kind of work, the largest first: operators that do the same are one kind.</summary>
    public IEnumerable<NodeShare> ByGroup() => By(key => Groups.GetValueOrDefault(key.Operator, "other"));

    /// <summary>For each operator, the largest first.</summary>
    public IEnumerable<NodeShare> ByOperator() => By(key => key.Operator);

    /// <summary>For each block of the network, the largest first: <c>/down_blocks.1/attentions.0/…</c> belongs to <c>down_blocks.1</c>.</summary>
    public IEnumerable<NodeShare> ByBlock() => By(key => PathOf(key.Node)[0]);

    /// <summary>For each sort of part of each block, the largest first: <c>down_blocks.1/attentions</c>.</summary>
    public IEnumerable<NodeShare> ByPart() => By(key => PathOf(key.Node) is [var block, var part, _, ..] && block.Contains("block", StringComparison.Ordinal) ? $"{block}/{part.Split('.')[0]}" : PathOf(key.Node)[0]);

    /// <summary>The node's path, as modules are named in the checkpoint; that of a convolution in blocked layout is its output's name. Other nodes that the runtime made have none.</summary>
    private static string[] PathOf(string node)
        => node.StartsWith('/') ? node.Split('/', StringSplitOptions.RemoveEmptyEntries)
        : node.EndsWith(BlockedSuffix, StringComparison.Ordinal) ? [node[..^BlockedSuffix.Length]]
        : ["made_by_the_runtime"];

    private IEnumerable<NodeShare> By(Func<(string Node, string Operator), string> key)
    {
        double total = Seconds;
        return _seconds
            .GroupBy(pair => key(pair.Key))
            .Select(group => (Name: group.Key, Seconds: group.Sum(pair => pair.Value), Nodes: group.Count()))
            .Select(group => new NodeShare(group.Name, group.Seconds, total > 0 ? group.Seconds / total : 0, group.Nodes))
            .OrderByDescending(group => group.Seconds);
    }
}

/// <summary>The time of some nodes.</summary>
/// <param name="Name">What they have in common.</param>
/// <param name="Seconds">Their time together.</param>
/// <param name="Share">Of the time of all nodes.</param>
/// <param name="Nodes">How many they are.</param>
internal sealed record NodeShare(string Name, double Seconds, double Share, int Nodes);
