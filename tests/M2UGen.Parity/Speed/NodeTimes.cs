using System.Globalization;
using System.Text.Json;

namespace M2UGen.Parity.Speed;

/// <summary>What each node of a graph took, from ONNX Runtime's profile: the least of its runs.</summary>
internal sealed class NodeTimes
{
    private const string KernelSuffix = "_kernel_time";

    private readonly Dictionary<(string Node, string Operator), double> seconds = [];

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
                seconds[key] = seconds.TryGetValue(key, out double least) ? Math.Min(least, time) : time;
            }
        }
    }

    /// <summary>A line for each operator, and one for each block of the network: time, share, nodes.</summary>
    public IEnumerable<string> Lines() => Group("operator", key => key.Operator).Concat(Group("block", key => BlockOf(key.Node)));

    /// <summary>The first part of a node's path, and of a block's parts the first word: <c>/down_blocks.1/attentions.0/…</c> gives <c>down_blocks.1/attentions</c>. Nodes that the runtime made have no path.</summary>
    private static string BlockOf(string node)
    {
        if (!node.StartsWith('/'))
        {
            return "(made by the runtime)";
        }

        string[] parts = node.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > 1 && parts[0].Contains("block", StringComparison.Ordinal) ? $"{parts[0]}/{parts[1].Split('.')[0]}" : parts[0];
    }

    private IEnumerable<string> Group(string what, Func<(string Node, string Operator), string> key)
    {
        double total = seconds.Values.Sum();
        return seconds.GroupBy(pair => key(pair.Key)).OrderByDescending(group => group.Sum(pair => pair.Value)).Select(group => string.Create(
            CultureInfo.InvariantCulture,
            $"  {what,-8} {group.Key,-32} {group.Sum(pair => pair.Value) * 1000,9:f1} ms {group.Sum(pair => pair.Value) / total,7:p1}  {group.Count()} nodes"));
    }
}
