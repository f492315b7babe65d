using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>A plain AudioLDM2 as a bundle: text to music by diffusion, without a language model.</summary>
internal static class AudioLdm2Source
{
    /// <summary>Plans the bundle.</summary>
    /// <exception cref="CheckpointException">The directory is incomplete, damaged or of another model.</exception>
    public static BundlePlan Plan(string directory, GraphOptions graphs)
    {
        BundlePlan plan = new() { Family = BundleFamily.AudioLdm2 };
        try
        {
            AudioLdm2Directory source = plan.Own(AudioLdm2Directory.Open(directory));
            AddTo(plan, source, source.CreateParts(graphs));
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>Adds the decoder to a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="source">The AudioLDM2 directory; stays the caller's.</param>
    /// <param name="parts">Its components.</param>
    public static void AddTo(BundlePlan plan, AudioLdm2Directory source, IEnumerable<BundlePart> parts)
    {
        plan.Parts.AddRange(parts);
        plan.Tokenizers.AddRange(source.Tokenizers);
        plan.Generation[AudioLdm2Config.Section] = source.Generation;
        plan.Preprocessing[AudioLdm2Config.Section] = source.Preprocessing;
        plan.Preprocessing[ClapFeatureConfig.Section] = source.ClapPreprocessing;
        plan.SourceFiles.AddRange(source.SourceFiles);
        plan.SourceFiles.AddRange(source.Tokenizers.SelectMany(tokenizer => tokenizer.Files));
        plan.Licences.Add(new BundleLicence("AudioLDM2", LicenceOf.Directory(source.Path)));
    }
}
