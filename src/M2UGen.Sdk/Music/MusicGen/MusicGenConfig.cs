using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The numbers of a MusicGen (arXiv:2306.05284) as its checkpoint dictates them, read from bundle.json; no graph is loaded for it.</summary>
internal sealed record MusicGenConfig
{
    public const string TextComponent = "t5";
    public const string ConditionComponent = "musicgen-condition";
    public const string DecoderComponent = "musicgen-decoder";

    /// <summary>The key of the numbers under the manifest's `generation` and `preprocessing`.</summary>
    private const string Section = "musicgen";

    /// <summary>Layers of the decoder.</summary>
    public required int Layers { get; init; }

    public required int Heads { get; init; }

    /// <summary>Width of a head of self attention as the graph has it, padding included.</summary>
    public required int HeadSize { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Width of a head of cross attention as the graph has it; 0 for melody models.</summary>
    public required int CrossHeadSize { get; init; }

    /// <summary>Rows of codes: 4 as published, 8 for stereo.</summary>
    public required int Codebooks { get; init; }

    /// <summary>1 mono, 2 stereo.</summary>
    public required int Channels { get; init; }

    /// <summary>Codes are 0 to this, exclusive.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The id of a place without a code.</summary>
    public required int PadTokenId { get; init; }

    /// <summary>The id that music starts with: the pad's in all published models.</summary>
    public required int StartTokenId { get; init; }

    /// <summary>Rows of the stored position table: the longest sequence, a melody model's prefix included.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Width of the text encoder's states and of a projector's embedding.</summary>
    public required int TextWidth { get; init; }

    /// <summary>Ids that the text encoder has embeddings for.</summary>
    public required int TextVocabularySize { get; init; }

    /// <summary>The id that pads captions.</summary>
    public required int TextPadTokenId { get; init; }

    /// <summary>Tokens of a caption at most.</summary>
    public required int MaxCaptionTokens { get; init; }

    /// <summary>Tokens that <see cref="Fidelity.PadCaption"/> pads or cuts captions to.</summary>
    public required int PaddedCaptionTokens { get; init; }

    /// <summary>True for melody models: the conditioning is a prefix of self attention, and there is no cross attention.</summary>
    public required bool IsMelody { get; init; }

    /// <summary>The chroma extraction of a melody model; null for all others.</summary>
    public required ChromaConfig? Chroma { get; init; }

    public required EncodecConfig Codec { get; init; }

    public required MusicGenDefaults Defaults { get; init; }

    /// <summary>The element type of the cache.</summary>
    public TensorElementKind CacheKind { get; init; } = TensorElementKind.Float;

    /// <summary>Scales of a cache in 8 bits; empty otherwise.</summary>
    public float[] CacheScales { get; init; } = [];

    /// <summary>The cache that the decoder's graph writes.</summary>
    public KVCacheFormat Cache => new(Layers, Heads, HeadSize, CacheKind, CacheScales);

    /// <summary>The text encoder's numbers.</summary>
    public T5TextConfig Text => new(TextWidth, TextVocabularySize, TextPadTokenId, MaxCaptionTokens);

    /// <summary>Codebooks of one channel: how far the delay pattern spreads a frame over steps.</summary>
    public int CodebooksPerChannel => Codebooks / Channels;

    /// <summary>Reads the numbers.</summary>
    /// <exception cref="ModelBundleException">A component or a number is missing, or the numbers contradict each other.</exception>
    public static MusicGenConfig From(ModelBundle bundle)
    {
        ComponentNumbers decoder = new(bundle, DecoderComponent);
        ComponentNumbers condition = new(bundle, ConditionComponent);
        ComponentNumbers text = new(bundle, TextComponent);
        bool melody = condition.Text("form", "cross_attention", "prefix") == "prefix";
        JsonObject preprocessing = bundle.Manifest.Preprocessing[Section] as JsonObject ?? [];
        EncodecConfig codec = EncodecConfig.From(bundle);
        MusicGenConfig config = new()
        {
            Layers = decoder.Required("layers", most: 4096),
            Heads = decoder.Required("heads", most: 4096),
            HeadSize = decoder.Required("head_size", most: 4096),
            HiddenSize = decoder.Required("hidden_size", most: 1 << 20),
            CrossHeadSize = melody ? 0 : decoder.Required("cross_head_size", most: 4096),
            Codebooks = decoder.Required("codebooks", most: 1024),
            Channels = decoder.Required("audio_channels", most: 2),
            VocabularySize = decoder.Required("vocab_size"),
            PadTokenId = decoder.Required("pad_token_id", least: 0),
            StartTokenId = decoder.Required("bos_token_id", least: 0),
            MaxPositions = decoder.Required("max_positions"),
            TextWidth = condition.Required("text_width", most: 1 << 20),
            TextVocabularySize = text.Required("vocab_size"),
            TextPadTokenId = text.Optional("pad_token_id", least: 0) ?? 0,
            MaxCaptionTokens = text.Optional("max_positions", most: 1 << 20) ?? 512,
            PaddedCaptionTokens = preprocessing["caption_max_length"] is JsonValue value && value.TryGetValue(out int length) && length is > 0 and <= 1 << 20 ? length : 128,
            IsMelody = melody,
            Chroma = melody ? ChromaConfig.FromJson(preprocessing, condition.Required("chroma_length", most: 1 << 20), bundle.PathOf(BundleManifest.FileName)) : null,
            Codec = codec,
            CacheKind = KVCacheFormat.KindOf(bundle.Component(DecoderComponent)),
            CacheScales = KVCacheFormat.ReadScales(bundle, DecoderComponent),
            Defaults = MusicGenDefaults.From(bundle.Manifest.Generation[Section] as JsonObject ?? []),
        };
        return config.Codebooks == codec.Codebooks * config.Channels && config.VocabularySize <= codec.CodebookSize
            ? config
            : throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}': the decoder makes {config.Codebooks} rows of codes below {config.VocabularySize} for {config.Channels} channels, the codec reads {codec.Codebooks} a channel below {codec.CodebookSize}. Export the bundle again with this version of m2ugen-export.");
    }
}

/// <summary>What is used where a request says nothing: the checkpoint's generation_config.json, then the library's own defaults.</summary>
/// <param name="GuidanceScale">3 where absent, as the published files.</param>
/// <param name="Sample">True where absent, as the published files.</param>
/// <param name="Temperature">1 where absent.</param>
/// <param name="TopK">50 where absent: transformers' default, and what the reference runs with.</param>
/// <param name="TopP">1 where absent.</param>
/// <param name="TypicalP">1 where absent.</param>
internal sealed record MusicGenDefaults(double GuidanceScale = 3, bool Sample = true, double Temperature = 1, int TopK = 50, double TopP = 1, double TypicalP = 1)
{
    /// <summary>Reads the object; values of another type or out of an option's range count as absent.</summary>
    public static MusicGenDefaults From(JsonObject generation)
    {
        MusicGenDefaults none = new();
        return new MusicGenDefaults(
            Number("guidance_scale", none.GuidanceScale, 0, 100),
            generation["do_sample"] is JsonValue flag && flag.TryGetValue(out bool sample) ? sample : none.Sample,
            Number("temperature", none.Temperature, 0, 100),
            (int)Number("top_k", none.TopK, 0, int.MaxValue),
            Number("top_p", none.TopP, 0, 1),
            Number("typical_p", none.TypicalP, double.Epsilon, 1));

        double Number(string key, double absent, double least, double most) =>
            generation[key] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && number >= least && number <= most
                ? number
                : absent;
    }
}
