using M2UGen.Export;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>A case's AudioLDM2 directory, exported as users export it, and the SDK's decoder over it.</summary>
internal sealed class AudioLdm2Bundle : IDisposable
{
    private AudioLdm2Bundle(string folder)
    {
        Bundle = ModelBundle.OpenChecked(folder);
        Models = new ModelSet(Bundle, new RuntimeOptions());
        Decoder = AudioLdm2Decoder.Open(Models, Bundle, releaseStages: false);
    }

    public ModelBundle Bundle { get; }

    public ModelSet Models { get; }

    public AudioLdm2Decoder Decoder { get; }

    /// <summary>The diffusers directory of a case.</summary>
    public static string DirectoryOf(ParityCase c) => c.HasFile("checkpoint") ? c.FileOf("checkpoint") : c.Resolve("checkpoint");

    public static AudioLdm2Bundle Open(ParityCase c)
    {
        string checkpoint = DirectoryOf(c);
        return new AudioLdm2Bundle(c.Exports.Get(
            $"audioldm2|{checkpoint}",
            folder => Exporter.ExportAsync(new ExportOptions { Source = checkpoint, OutputPath = folder, Precision = c.Precision }).GetAwaiter().GetResult()));
    }

    public void Dispose() => Models.Dispose();
}
