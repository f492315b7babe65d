using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>A plain MusicGen as a bundle: text to music and continuation, without a language model.</summary>
internal static class MusicGenSource
{
    /// <summary>The section of the manifest's generation and preprocessing numbers.</summary>
    public const string Section = "musicgen";

    /// <summary>Plans the bundle.</summary>
    /// <exception cref="CheckpointException">The directory is incomplete or damaged.</exception>
    public static BundlePlan Plan(string directory, GraphOptions graphs)
    {
        BundlePlan plan = new() { Family = BundleFamily.MusicGen };
        try
        {
            MusicGenDirectory source = plan.Own(MusicGenDirectory.Open(directory));
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
    /// <param name="source">The MusicGen directory; stays the caller's.</param>
    /// <param name="parts">Its components.</param>
    /// <exception cref="Sdk.ModelBundleException">The tokenizer cannot be read: better told now than by the first caption.</exception>
    public static void AddTo(BundlePlan plan, MusicGenDirectory source, IEnumerable<BundlePart> parts)
    {
        _ = T5TextTokenizer.Load(source.Path);
        plan.Parts.AddRange(parts);
        plan.Tokenizers.Add(new PlannedTokenizer(MusicGenDirectory.Tokenizer, source.TokenizerFiles));
        plan.Generation[Section] = source.Generation;
        plan.Preprocessing[Section] = source.Preprocessing;
        plan.SourceFiles.AddRange(source.SourceFiles);
        plan.SourceFiles.AddRange(source.TokenizerFiles);
        plan.Licences.Add(new BundleLicence("MusicGen", LicenceOf.Directory(source.Path)));
    }
}
