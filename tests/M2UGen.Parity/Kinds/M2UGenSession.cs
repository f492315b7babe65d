using M2UGen.Sdk;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds;

/// <summary>A case's checkpoint, exported once and opened: the pieces of the SDK that its rows are run through.</summary>
internal sealed class M2UGenSession : IDisposable
{
    private readonly ModelSet models;
    private readonly Lazy<MusicGenDecoder> music;
    private readonly Lazy<M2UGenPipeline> pipeline;
    private readonly Lazy<M2UGenTaps> taps;

    public M2UGenSession(ParityCase c)
    {
        string folder = M2UGenExports.Bundle(c);
        Bundle = ModelBundle.Open(folder);
        models = new ModelSet(Bundle, new RuntimeOptions());
        Config = LlamaConfig.From(Bundle.Component("llama"));
        Tokenizer = LlamaTextTokenizer.Load(Bundle.PathOf(Bundle.Manifest.Tokenizers["llama"].Folder));
        TextPrefix = Bundle.ReadTensor("prefix-text");
        music = new Lazy<MusicGenDecoder>(() => MusicGenDecoder.Open(models, Bundle));
        Media = MediaEncoders.Open(Bundle, models) is { } senses ? new M2UGenMedia(c, senses) : null;
        taps = new Lazy<M2UGenTaps>(() => new M2UGenTaps(c));
        pipeline = new Lazy<M2UGenPipeline>(() => M2UGenPipeline.FromBundle(folder).LoadAsync().GetAwaiter().GetResult());
    }

    public ModelBundle Bundle { get; }

    public LlamaConfig Config { get; }

    public LlamaTextTokenizer Tokenizer { get; }

    /// <summary>[prefix layers, dim]: what a request without media gets.</summary>
    public float[] TextPrefix { get; }

    /// <summary>The case's media and the bundle's encoders; null where the case has none.</summary>
    public M2UGenMedia? Media { get; }

    /// <summary>The same checkpoint with the inner stages of its senses as outputs.</summary>
    public M2UGenTaps Taps => taps.Value;

    /// <summary>The pipeline over the same bundle, as a user would load it.</summary>
    public M2UGenPipeline Pipeline => pipeline.Value;

    public ModelSet Models => models;

    /// <summary>Whether the bundle can turn an answer into sound.</summary>
    public bool HasMusicDecoder => Bundle.Manifest.Components.ContainsKey(MusicGenConfig.DecoderComponent);

    public IOnnxModel Model(string component) => models.Get(component);

    /// <summary>The T5 ids of a caption, padded as the reference's call pads them.</summary>
    public long[] CaptionIds(string caption) => music.Value.Text.Tokenize(caption, music.Value.Config.PaddedCaptionTokens).Ids;

    /// <summary>A run of the language model that has room for <paramref name="capacity"/> tokens.</summary>
    public LlamaDecoder Decode(int capacity, ReadOnlySpan<float> prefix) => new(Model("llama"), Config, capacity, prefix);

    public void Dispose()
    {
        if (pipeline.IsValueCreated)
        {
            pipeline.Value.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        if (taps.IsValueCreated)
        {
            taps.Value.Dispose();
        }

        Media?.Senses.Dispose();
        models.Dispose();
    }
}
