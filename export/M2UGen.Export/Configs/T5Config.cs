namespace M2UGen.Export.Configs;

/// <summary>What a T5 <c>config.json</c> says about its encoder (transformers, configuration_t5.py). A key that is left out has that file's default.</summary>
internal sealed record T5Config
{
    /// <summary>Rows of the embedding table; larger than the tokenizer's vocabulary in published models.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the hidden states (d_model).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of one attention head (d_kv); heads need not add up to the hidden size.</summary>
    public required int HeadSize { get; init; }

    public required int Heads { get; init; }

    public required int Layers { get; init; }

    /// <summary>Width inside the feed-forward part (d_ff).</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>gated-gelu: two input matrices and the tanh form of GELU; otherwise one matrix and ReLU.</summary>
    public required bool IsGated { get; init; }

    /// <summary>Epsilon of the RMS norms.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Rows of the relative attention bias.</summary>
    public required int Buckets { get; init; }

    /// <summary>From this distance on all positions share the last bucket.</summary>
    public required int MaxDistance { get; init; }

    public required int PadTokenId { get; init; }

    /// <summary>Positions the model was trained on (n_positions); relative positions have no hard end.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Reads the encoder's section.</summary>
    public static T5Config From(ConfigReader config)
    {
        string modelType = config.TextOr("model_type", "t5");
        config.Require(modelType == "t5", "model_type", $"'{modelType}' is not supported as text encoder; expected 't5'");

        // The names that configuration_t5.py takes apart: "{gated-}{activation}".
        string feedForward = config.TextOr("feed_forward_proj", "relu");
        config.Require(feedForward is "relu" or "gated-gelu", "feed_forward_proj", $"'{feedForward}' is not supported; expected 'relu' or 'gated-gelu'");

        int buckets = config.IntOr("relative_attention_num_buckets", 32, smallest: 4, largest: 1 << 16);
        int maxDistance = config.IntOr("relative_attention_max_distance", 128, largest: 1 << 16);
        config.RequireTogether(maxDistance > buckets / 4, "relative_attention_max_distance", $"{maxDistance} is not larger than a quarter of relative_attention_num_buckets ({buckets}); the bucket formula has no value there");
        return new T5Config
        {
            VocabularySize = config.IntOr("vocab_size", 32128, largest: 1 << 24),
            HiddenSize = config.IntOr("d_model", 512),
            HeadSize = config.IntOr("d_kv", 64),
            Heads = config.IntOr("num_heads", 8),
            Layers = config.IntOr("num_layers", 6, largest: ConfigReader.MostLayers),
            FeedForwardSize = config.IntOr("d_ff", 2048),
            IsGated = feedForward == "gated-gelu",
            Epsilon = (float)config.DoubleOr("layer_norm_epsilon", 1e-6, 0, 1),
            Buckets = buckets,
            MaxDistance = maxDistance,
            PadTokenId = config.IntOr("pad_token_id", 0, smallest: 0, largest: 1 << 24),
            MaxPositions = config.IntOr("n_positions", 512),
        };
    }
}
