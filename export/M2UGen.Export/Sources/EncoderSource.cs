using M2UGen.Export.Architectures;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>A MERT, ViT or ViViT directory and where the aggregation that M2UGen learnt for it lies.</summary>
/// <param name="Directory">The encoder's directory.</param>
/// <param name="Model">A checkpoint with <c>mu_mert_agg</c>, <c>iu_vit_agg</c> or <c>iu_vivit_agg</c>: M2UGen's, or one that holds nothing else.</param>
internal sealed record EncoderParts(string Directory, string Model);

/// <summary>One encoder as a bundle of its own: its graph with M2UGen's aggregation, and its numbers of preprocessing, for looking into it and running it apart from the rest.</summary>
/// <remarks>As in a whole M2UGen, the encoder's weights are the checkpoint's where that has them, the directory's own where it has not.</remarks>
internal static class EncoderSource
{
    private static readonly Dictionary<string, Kind> Kinds = new(StringComparer.Ordinal)
    {
        ["mert_model"] = new(Medium.Audio, "MERT", MertGraph.AggregationName, "--mert_path", EncoderDirectory.OpenMert),
        ["vit"] = new(Medium.Image, "ViT", VitGraph.AggregationName, "--vit_path", EncoderDirectory.OpenVit),
        ["vivit"] = new(Medium.Video, "ViViT", VivitGraph.AggregationName, "--vivit_path", EncoderDirectory.OpenVivit),
    };

    /// <summary>Which encoder a directory's <c>config.json</c> says it is, or null.</summary>
    public static Kind? KindOf(string directory) => ModelDirectory.ModelType(directory) is { } type ? Kinds.GetValueOrDefault(type) : null;

    /// <summary>Plans the bundle.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged or of another model; all missing tensors are listed.</exception>
    public static BundlePlan Plan(EncoderParts parts, GraphOptions graphs)
    {
        Kind kind = KindOf(parts.Directory) ?? throw new CheckpointException(parts.Directory, $"is no encoder's directory: the model_type of its config.json is none of {string.Join(", ", Kinds.Keys)}.");
        BundlePlan plan = new() { Family = BundleFamily.M2UGenEncoder };
        try
        {
            Checkpoint checkpoint = plan.Own(M2UGenSource.OpenCheckpoint(parts.Model));
            WeightMap map = WeightMap.From(checkpoint);
            EncoderDirectory encoder = plan.Own(kind.Open(parts.Directory, map.Under(kind.Medium.EncoderTensors)));
            plan.Parts.Add(encoder.CreatePart(map, graphs));
            plan.Preprocessing[kind.Medium.Encoder] = encoder.Preprocessing;
            plan.SourceFiles.AddRange([.. checkpoint.Files, .. encoder.SourceFiles]);
            plan.Licences.Add(new BundleLicence("M2UGen", LicenceOf.Checkpoint(parts.Model)));
            plan.Licences.Add(new BundleLicence(kind.Name, LicenceOf.Directory(parts.Directory)));
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>What is told of an encoder by its model type.</summary>
    /// <param name="Medium">What it takes.</param>
    /// <param name="Name">The name it is published under.</param>
    /// <param name="Aggregation">The name of its aggregation in M2UGen's checkpoints.</param>
    /// <param name="Option">The switch that puts it into a whole M2UGen.</param>
    /// <param name="Open">Opens its directory.</param>
    internal sealed record Kind(Medium Medium, string Name, string Aggregation, string Option, Func<string, WeightMap?, EncoderDirectory> Open);
}
