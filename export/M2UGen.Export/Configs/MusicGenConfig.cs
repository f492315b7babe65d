namespace M2UGen.Export.Configs;

/// <summary>What a MusicGen <c>config.json</c> says (transformers, configuration_musicgen.py and configuration_musicgen_melody.py).</summary>
internal sealed record MusicGenConfig
{
    public required T5Config TextEncoder { get; init; }

    public required EncodecConfig AudioEncoder { get; init; }

    public required MusicGenDecoderConfig Decoder { get; init; }

    /// <summary>Chroma rows in front of the text; 0 for models that cannot follow a melody.</summary>
    public required int ChromaLength { get; init; }

    /// <summary>Pitch classes of a chroma row.</summary>
    public required int ChromaBins { get; init; }

    /// <summary>Melody models put text and chroma in front of the codes instead of attending to them.</summary>
    public bool IsMelody => ChromaLength > 0;

    /// <summary>Whether the text's width must be projected to the decoder's; equal widths have no projection at all.</summary>
    public bool HasTextProjection => TextEncoder.HiddenSize != Decoder.HiddenSize;

    /// <summary>Whether chroma rows must be projected to the decoder's width.</summary>
    public bool HasChromaProjection => ChromaBins != Decoder.HiddenSize;

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or lacks or misstates something; all of it is listed.</exception>
    public static MusicGenConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.Text("model_type");
        config.Require(modelType is "musicgen" or "musicgen_melody", "model_type", $"'{modelType}' is not supported; expected 'musicgen' or 'musicgen_melody'");

        // A foreign file would only add a page of missing keys to this.
        config.ThrowIfWrong("a MusicGen");
        bool melody = modelType == "musicgen_melody";
        MusicGenConfig musicGen = new()
        {
            TextEncoder = T5Config.From(config.Section("text_encoder")),
            AudioEncoder = EncodecConfig.From(config.Section("audio_encoder")),
            Decoder = MusicGenDecoderConfig.From(config.Section("decoder")),
            ChromaLength = melody ? config.IntOr("chroma_length", 235, largest: 1 << 16) : 0,
            ChromaBins = melody ? config.IntOr("num_chroma", 12, largest: 1 << 10) : 0,
        };
        musicGen.CheckTogether(config);
        config.ThrowIfWrong("a MusicGen");
        return musicGen;
    }

    private void CheckTogether(ConfigReader config)
    {
        config.RequireTogether(AudioEncoder.Channels == 1, "audio_encoder.audio_channels", $"{AudioEncoder.Channels} channels are not supported; MusicGen's codec is mono (stereo models run it once a channel)");
        config.RequireTogether(Decoder.Codebooks % Decoder.AudioChannels == 0, "decoder.num_codebooks", $"{Decoder.Codebooks} cannot be shared by {Decoder.AudioChannels} channels");
        config.RequireTogether(AudioEncoder.CodebookSize >= Decoder.VocabularySize, "decoder.vocab_size", $"{Decoder.VocabularySize} codes, but the audio encoder's codebooks have {AudioEncoder.CodebookSize}");
    }
}

/// <summary>The decoder's section of a MusicGen <c>config.json</c>.</summary>
internal sealed record MusicGenDecoderConfig
{
    /// <summary>Codes a codebook has; the embedding tables have one row more, the pad and start id.</summary>
    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int FeedForwardSize { get; init; }

    /// <summary>Codebooks of all channels together.</summary>
    public required int Codebooks { get; init; }

    /// <summary>1 mono, 2 stereo (codebooks of left and right interleaved).</summary>
    public required int AudioChannels { get; init; }

    /// <summary>Rows of the position table where the checkpoint does not store it.</summary>
    public required int MaxPositions { get; init; }

    public required int PadTokenId { get; init; }

    public required int BosTokenId { get; init; }

    /// <summary>Width of one attention head.</summary>
    public int HeadSize => HiddenSize / Heads;

    /// <summary>Reads the decoder's section.</summary>
    public static MusicGenDecoderConfig From(ConfigReader config)
    {
        string activation = config.TextOr("activation_function", "gelu");
        config.Require(activation == "gelu", "activation_function", $"'{activation}' is not supported; expected 'gelu'");
        config.Require(!config.Has("cross_attention_hidden_size"), "cross_attention_hidden_size", "a width of its own is not supported; expected null");
        int hidden = config.IntOr("hidden_size", 1024);
        int heads = config.IntOr("num_attention_heads", 16);
        int vocabulary = config.IntOr("vocab_size", 2048);
        config.RequireTogether(hidden % heads == 0, "num_attention_heads", $"{heads} do not divide hidden_size {hidden}");
        config.RequireTogether(hidden > 3, "hidden_size", $"{hidden} leaves the sinusoidal table less than two frequencies");
        int pad = config.IntOr("pad_token_id", vocabulary, smallest: 0);
        config.RequireTogether(pad <= vocabulary, "pad_token_id", $"{pad} has no row in an embedding table of {vocabulary + 1L}");
        int bos = config.IntOr("bos_token_id", pad, smallest: 0);
        config.RequireTogether(bos <= vocabulary, "bos_token_id", $"{bos} has no row in an embedding table of {vocabulary + 1L}");
        return new MusicGenDecoderConfig
        {
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            Layers = config.IntOr("num_hidden_layers", 24, largest: ConfigReader.MostLayers),
            Heads = heads,
            FeedForwardSize = config.IntOr("ffn_dim", 4096),
            Codebooks = config.IntOr("num_codebooks", 4, largest: 256),
            AudioChannels = config.IntOr("audio_channels", 1, largest: 2),
            MaxPositions = config.IntOr("max_position_embeddings", 2048, largest: 1 << 16),
            PadTokenId = pad,
            BosTokenId = bos,
        };
    }
}
