using System.Text.Json.Nodes;

namespace M2UGen.Export.Synthesis;

/// <summary>The published models' configuration files, as far as they say anything about the model.</summary>
/// <remarks>Sources: the config.json, generation_config.json and preprocessor_config.json of facebook/musicgen-small, -medium, -large, m-a-p/MERT-v1-330M,
/// google/vit-base-patch16-224 and google/vivit-b-16x2-kinetics400; params.json of LLaMA-2 7B.</remarks>
internal static class PublishedModels
{
    /// <summary>MusicGen's sizes: width, layers, heads, width inside the feed-forward layers.</summary>
    public static (int Hidden, int Layers, int Heads, int FeedForward) MusicGenSizes(string size) => size switch
    {
        "small" => (1024, 24, 16, 4096),
        "medium" => (1536, 48, 24, 6144),
        _ => (2048, 48, 32, 8192),
    };

    /// <summary>MusicGen's config.json.</summary>
    public static JsonObject MusicGen(int hidden, int layers, int heads, int feedForward) => new()
    {
        ["architectures"] = new JsonArray("MusicgenForConditionalGeneration"),
        ["model_type"] = "musicgen",
        ["is_encoder_decoder"] = true,
        ["torch_dtype"] = "float32",
        ["text_encoder"] = new JsonObject
        {
            ["model_type"] = "t5",
            ["d_model"] = 768,
            ["d_kv"] = 64,
            ["d_ff"] = 3072,
            ["num_layers"] = 12,
            ["num_decoder_layers"] = 12,
            ["num_heads"] = 12,
            ["feed_forward_proj"] = "relu",
            ["dense_act_fn"] = "relu",
            ["is_gated_act"] = false,
            ["layer_norm_epsilon"] = 1e-6,
            ["n_positions"] = 512,
            ["relative_attention_num_buckets"] = 32,
            ["relative_attention_max_distance"] = 128,
            ["vocab_size"] = 32128,
            ["pad_token_id"] = 0,
            ["eos_token_id"] = 1,
        },
        ["audio_encoder"] = new JsonObject
        {
            ["model_type"] = "encodec",
            ["sampling_rate"] = 32000,
            ["audio_channels"] = 1,
            ["hidden_size"] = 128,
            ["codebook_dim"] = 128,
            ["codebook_size"] = 2048,
            ["num_filters"] = 64,
            ["num_lstm_layers"] = 2,
            ["num_residual_layers"] = 1,
            ["dilation_growth_rate"] = 2,
            ["compress"] = 2,
            ["kernel_size"] = 7,
            ["last_kernel_size"] = 7,
            ["residual_kernel_size"] = 3,
            ["upsampling_ratios"] = new JsonArray(8, 5, 4, 4),
            ["target_bandwidths"] = new JsonArray(2.2),
            ["trim_right_ratio"] = 1.0,
            ["pad_mode"] = "reflect",
            ["norm_type"] = "weight_norm",
            ["normalize"] = false,
            ["use_causal_conv"] = false,
            ["use_conv_shortcut"] = false,
            ["chunk_length_s"] = null,
            ["overlap"] = null,
        },
        ["decoder"] = new JsonObject
        {
            ["model_type"] = "musicgen_decoder",
            ["hidden_size"] = hidden,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = heads,
            ["ffn_dim"] = feedForward,
            ["num_codebooks"] = 4,
            ["audio_channels"] = 1,
            ["vocab_size"] = 2048,
            ["pad_token_id"] = 2048,
            ["bos_token_id"] = 2048,
            ["max_position_embeddings"] = 2048,
            ["activation_function"] = "gelu",
            ["scale_embedding"] = false,
        },
    };

    /// <summary>MusicGen's generation_config.json.</summary>
    public static JsonObject MusicGenGeneration() => new()
    {
        ["bos_token_id"] = 2048,
        ["decoder_start_token_id"] = 2048,
        ["do_sample"] = true,
        ["guidance_scale"] = 3.0,
        ["max_length"] = 1500,
        ["pad_token_id"] = 2048,
    };

    /// <summary>MusicGen's preprocessor_config.json.</summary>
    public static JsonObject MusicGenPreprocessor() => new()
    {
        ["feature_extractor_type"] = "EncodecFeatureExtractor",
        ["processor_class"] = "MusicgenProcessor",
        ["chunk_length_s"] = null,
        ["overlap"] = null,
        ["feature_size"] = 1,
        ["padding_side"] = "left",
        ["padding_value"] = 0.0,
        ["return_attention_mask"] = true,
        ["sampling_rate"] = 32000,
    };

    /// <summary>T5's tokenizer_config.json.</summary>
    /// <param name="maxLength">Tokens that a text is cut to.</param>
    public static JsonObject T5Tokenizer(int maxLength = 512) => new()
    {
        ["tokenizer_class"] = "T5Tokenizer",
        ["extra_ids"] = 100,
        ["eos_token"] = "</s>",
        ["pad_token"] = "<pad>",
        ["unk_token"] = "<unk>",
        ["model_max_length"] = maxLength,
    };

    /// <summary>MERT-v1-330M's config.json.</summary>
    public static JsonObject Mert() => new()
    {
        ["architectures"] = new JsonArray("MERTModel"),
        ["model_type"] = "mert_model",
        ["hidden_size"] = 1024,
        ["num_hidden_layers"] = 24,
        ["num_attention_heads"] = 16,
        ["intermediate_size"] = 4096,
        ["hidden_act"] = "gelu",
        ["layer_norm_eps"] = 1e-5,
        ["conv_dim"] = new JsonArray(512, 512, 512, 512, 512, 512, 512),
        ["conv_kernel"] = new JsonArray(10, 3, 3, 3, 3, 2, 2),
        ["conv_stride"] = new JsonArray(5, 2, 2, 2, 2, 2, 2),
        ["conv_bias"] = false,
        ["feat_extract_activation"] = "gelu",
        ["feat_extract_norm"] = "group",
        ["feat_proj_layer_norm"] = true,
        ["num_conv_pos_embeddings"] = 128,
        ["num_conv_pos_embedding_groups"] = 16,
        ["do_stable_layer_norm"] = true,
        ["attention_relax"] = 32.0,
        ["deepnorm"] = false,
        ["feature_extractor_cqt"] = false,
        ["sample_rate"] = 24000,
        ["torch_dtype"] = "float32",
    };

    /// <summary>MERT's preprocessor_config.json.</summary>
    public static JsonObject MertPreprocessor() => new()
    {
        ["feature_extractor_type"] = "Wav2Vec2FeatureExtractor",
        ["do_normalize"] = true,
        ["feature_size"] = 1,
        ["padding_side"] = "right",
        ["padding_value"] = 0.0,
        ["return_attention_mask"] = true,
        ["sampling_rate"] = 24000,
    };

    /// <summary>ViT's config.json.</summary>
    public static JsonObject Vit()
    {
        JsonObject config = Vision("ViTForImageClassification", "vit", "gelu", 1e-12);
        config["patch_size"] = 16;
        return config;
    }

    /// <summary>ViT's preprocessor_config.json.</summary>
    public static JsonObject VitPreprocessor()
    {
        JsonObject config = Picture("ViTImageProcessor", 1 / 255.0);
        config["size"] = new JsonObject { ["height"] = 224, ["width"] = 224 };
        return config;
    }

    /// <summary>ViViT's config.json.</summary>
    public static JsonObject Vivit()
    {
        JsonObject config = Vision("VivitForVideoClassification", "vivit", "gelu_fast", 1e-6);
        config["num_frames"] = 32;
        config["tubelet_size"] = new JsonArray(2, 16, 16);
        return config;
    }

    /// <summary>ViViT's preprocessor_config.json.</summary>
    public static JsonObject VivitPreprocessor()
    {
        JsonObject config = Picture("VivitImageProcessor", 1 / 127.5);
        config["size"] = new JsonObject { ["shortest_edge"] = 224 };
        config["do_center_crop"] = true;
        config["crop_size"] = new JsonObject { ["height"] = 224, ["width"] = 224 };
        config["offset"] = true;
        return config;
    }

    /// <summary>LLaMA's params.json.</summary>
    public static JsonObject LlamaParams(int dim, int layers, int heads) => new()
    {
        ["dim"] = dim,
        ["multiple_of"] = 256,
        ["n_heads"] = heads,
        ["n_layers"] = layers,
        ["norm_eps"] = 1e-5,
        ["vocab_size"] = -1,
    };

    private static JsonObject Vision(string architecture, string type, string activation, double epsilon) => new()
    {
        ["architectures"] = new JsonArray(architecture),
        ["model_type"] = type,
        ["hidden_size"] = 768,
        ["num_hidden_layers"] = 12,
        ["num_attention_heads"] = 12,
        ["intermediate_size"] = 3072,
        ["hidden_act"] = activation,
        ["layer_norm_eps"] = epsilon,
        ["image_size"] = 224,
        ["num_channels"] = 3,
        ["qkv_bias"] = true,
    };

    private static JsonObject Picture(string processor, double factor) => new()
    {
        ["image_processor_type"] = processor,
        ["do_resize"] = true,
        ["resample"] = 2,
        ["do_rescale"] = true,
        ["rescale_factor"] = factor,
        ["do_normalize"] = true,
        ["image_mean"] = new JsonArray(0.5, 0.5, 0.5),
        ["image_std"] = new JsonArray(0.5, 0.5, 0.5),
    };
}
