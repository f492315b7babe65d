using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Sdk.Runtime;

/// <summary>Compares what a graph really takes and gives with what its manifest says, and reports every difference at once.</summary>
internal static class ModelContract
{
    public static IReadOnlyList<string> Compare(BundleComponent description, InferenceSession session)
    {
        List<string> mismatches = [];
        Compare("input", description.Inputs, session.InputMetadata, mismatches);
        Compare("output", description.Outputs, session.OutputMetadata, mismatches);
        return mismatches;
    }

    private static void Compare(string side, IReadOnlyList<TensorSpec> expected, IReadOnlyDictionary<string, NodeMetadata> found, List<string> mismatches)
    {
        foreach (TensorSpec spec in expected)
        {
            if (!found.TryGetValue(spec.Name, out NodeMetadata? metadata))
            {
                mismatches.Add($"{side} {spec}: not in the graph");
                continue;
            }

            if ((int)metadata.ElementDataType != (int)spec.Kind)
            {
                mismatches.Add($"{side} {spec}: found element type {metadata.ElementDataType}");
            }

            int[] dimensions = metadata.Dimensions;
            bool sameShape = dimensions.Length == spec.Dimensions.Count;
            for (int i = 0; sameShape && i < dimensions.Length; i++)
            {
                // The runtime gives -1 for a dimension that may vary.
                sameShape = spec.Dimensions[i].Symbol is not null ? dimensions[i] == -1 : dimensions[i] == spec.Dimensions[i].Size;
            }

            if (!sameShape)
            {
                mismatches.Add($"{side} {spec}: found shape [{string.Join(", ", dimensions)}]");
            }
        }

        foreach (string name in found.Keys.Where(name => expected.All(spec => spec.Name != name)))
        {
            mismatches.Add($"{side} {name}: in the graph, but not in the manifest");
        }
    }
}
