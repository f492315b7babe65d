using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>One folder of an AudioLDM2 directory as a bundle of its own: its graphs, for looking into them and running them apart from the rest.</summary>
internal static class AudioLdm2PartSource
{
    /// <summary>Plans the bundle.</summary>
    /// <exception cref="CheckpointException">The folder is incomplete, damaged or of another model.</exception>
    public static BundlePlan Plan(string folder, GraphOptions graphs)
    {
        BundlePlan plan = new() { Family = BundleFamily.AudioLdm2Part };
        try
        {
            DiffusionFolder source = plan.Own(DiffusionFolder.Open(folder));
            plan.Parts.AddRange(source.CreateParts(graphs));
            plan.SourceFiles.AddRange(source.SourceFiles);
            AddPreprocessing(plan, folder);
            plan.Licences.Add(new BundleLicence("AudioLDM2", LicenceOf.Directory(folder)));
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>What CLAP's spectrograms are made with lies in the folder itself or, as diffusers saves it, in the one beside it.</summary>
    private static void AddPreprocessing(BundlePlan plan, string folder)
    {
        string[] places = [folder, Path.Combine(folder, "..", "feature_extractor")];
        if (DiffusionFolder.IsClap(folder) && places.FirstOrDefault(place => File.Exists(Path.Combine(place, EncoderPreprocessing.FileName))) is { } extractor)
        {
            plan.Preprocessing[ClapPreprocessing.Section] = DiffusionFolder.ReadClapPreprocessing(folder, extractor);
            plan.SourceFiles.Add(Path.GetFullPath(Path.Combine(extractor, EncoderPreprocessing.FileName)));
        }
    }
}
