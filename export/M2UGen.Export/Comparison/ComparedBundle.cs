using M2UGen.Sdk.Language;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Comparison;

/// <summary>One of two bundles that are compared, opened.</summary>
internal sealed class ComparedBundle : IDisposable
{
    private readonly ModelSet _models;

    /// <summary>Opens the bundle; graphs load when they are used.</summary>
    /// <exception cref="Sdk.ModelBundleException">It cannot be opened.</exception>
    public ComparedBundle(string path, int threads)
    {
        Bundle = ModelBundle.OpenChecked(path);
        _models = new ModelSet(Bundle, new RuntimeOptions(Threads: threads));
        Language = Bundle.Manifest.Components.ContainsKey(LanguageModel.Component) ? LanguageModel.Open(Bundle, _models) : null;
        Music = Bundle.Manifest.Components.ContainsKey(MusicGenConfig.DecoderComponent) ? MusicGenDecoder.Open(_models, Bundle) : null;
    }

    /// <summary>The bundle.</summary>
    public ModelBundle Bundle { get; }

    /// <summary>Its language model, or null.</summary>
    public LanguageModel? Language { get; }

    /// <summary>Its MusicGen, or null.</summary>
    public MusicGenDecoder? Music { get; }

    /// <summary>A graph of it.</summary>
    public IOnnxModel Model(string component) => _models.Get(component);

    /// <summary>Frees the graphs.</summary>
    public void Dispose() => _models.Dispose();
}
