using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Sdk;

namespace M2UGen.Export.Bundles;

/// <summary>What the manifest says about how a component's matrices are stored.</summary>
internal static class StoredPrecision
{
    /// <summary>The lowest precision of the component's fully connected layers, or of what passes between its nodes: <c>float32</c>, <c>float16</c>, <c>int8</c>, <c>int4</c>. Heads, tables and single nodes may have more.</summary>
    public static string Of(GraphBuilder graph)
    {
        Precision[] layers = [.. graph.Matrices.Keys.Where(matrix => matrix.Role == MatrixRole.Layer).Select(matrix => matrix.Precision)];
        return Name(layers.Contains(Precision.Int4) ? Precision.Int4 : layers.Contains(Precision.Int8) ? Precision.Int8 : HasFloat16Elements(graph) ? Precision.Float16 : Precision.Float32);
    }

    /// <summary>The component's numbers, and below <c>quantization</c>, where anything is quantised, in what form and how many matrices.</summary>
    public static JsonObject Describe(BundlePart part)
    {
        JsonObject config = (JsonObject)part.Config.DeepClone();
        IReadOnlyDictionary<(MatrixRole Role, Precision Precision), int> matrices = part.Graph.Matrices;
        if (!IsReduced(part.Graph))
        {
            return config;
        }

        PrecisionPolicy policy = part.Graph.Options.Precision;
        JsonObject quantization = [];
        if (HasFloat16Elements(part.Graph))
        {
            quantization["elements"] = Name(Precision.Float16);
        }

        if (matrices.Keys.Any(matrix => matrix.Precision is Precision.Int4 or Precision.Int8))
        {
            quantization["block_size"] = policy.BlockSize;
            quantization["symmetric"] = !policy.IsAsymmetric;
            quantization["scale_search"] = policy.SearchesScales;
            quantization["accuracy_level"] = MatMulNBits.AccuracyLevel;
        }

        foreach (((MatrixRole role, Precision precision), int count) in matrices)
        {
            string name = role switch
            {
                MatrixRole.Head => "heads",
                MatrixRole.Table => "tables",
                _ => "layers",
            };
            JsonObject counts = quantization[name] as JsonObject ?? [];
            counts[Name(precision)] = count;
            quantization[name] = counts;
        }

        config["quantization"] = quantization;
        return config;
    }

    /// <summary>Checks that the policy and every rule of it concerned some matrix.</summary>
    /// <exception cref="ExportException">Nothing is stored in the precision for all components, or a rule names a component or layers that are not there, or a component without matrices.</exception>
    public static void CheckRules(GraphOptions options, IReadOnlyList<BundlePart> parts)
    {
        Precision wanted = options.Precision.Default;
        if (wanted != Precision.Float32 && options.Precision.Rules.Count == 0 && !parts.Any(part => IsReduced(part.Graph)))
        {
            throw new ExportException("", $"{Name(wanted)} is for language models (llama, musicgen-decoder), and this bundle has none: nothing would be stored in it. Name components, for example '{parts[0].Component}={Name(wanted)}', or leave the precision out.");
        }

        foreach (PrecisionRule rule in options.UnusedRules)
        {
            BundlePart[] concerned = [.. parts.Where(part => rule.FitsComponent(part.Component))];
            if (concerned.Length == 0)
            {
                throw new ExportException(rule.Component, $"'{rule}': this bundle has no component '{rule.Component}'. It has {string.Join(", ", parts.Select(other => other.Component))}.");
            }

            if (concerned.All(part => part.Graph.Matrices.Count == 0) && rule.Precision is (Precision.Int8 or Precision.Int4))
            {
                throw new ExportException(rule.Component, $"'{rule}': '{rule.Component}' has no matrices that could be quantised; its weights are convolutions and stay in floats. Leave the rule out, or choose float16.");
            }

            if (rule.Layers is not null)
            {
                throw new ExportException(rule.Component, $"'{rule}': '{rule.Component}' has no matrix of that name, or a later rule decides. 'inspect' lists a bundle's weights; the path is what stands before '.weight', with '/' between the parts.");
            }
        }
    }

    private static bool HasFloat16Elements(GraphBuilder graph) => graph.Elements == DataType.Float16;

    private static bool IsReduced(GraphBuilder graph) => HasFloat16Elements(graph) || graph.Matrices.Keys.Any(matrix => matrix.Precision != Precision.Float32);

    private static string Name(Precision precision) => precision.ToString().ToLowerInvariant();
}
