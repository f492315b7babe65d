using System.Text.Json.Nodes;

namespace M2UGen.Export.Synthesis;

/// <summary>The configuration files of the published AudioLDM2 for music, as far as they say anything about the model.</summary>
/// <remarks>Sources: model_index.json and the config.json of every folder of cvssp/audioldm2-music; what a file leaves to the defaults of transformers (CLAP's towers) is left out here too.</remarks>
internal static class PublishedAudioLdm2
{
    /// <summary>Pieces of the RoBERTa tokenizer, and rows of CLAP's table.</summary>
    public const int RobertaPieces = 50265;

    /// <summary>Tokens that T5 is given at most.</summary>
    public const int CaptionTokens = 128;

    /// <summary>model_index.json.</summary>
    public static JsonObject Index() => new()
    {
        ["_class_name"] = "AudioLDM2Pipeline",
        ["_diffusers_version"] = "0.21.0",
        ["feature_extractor"] = new JsonArray("transformers", "ClapFeatureExtractor"),
        ["language_model"] = new JsonArray("transformers", "GPT2Model"),
        ["projection_model"] = new JsonArray("audioldm2", "AudioLDM2ProjectionModel"),
        ["scheduler"] = new JsonArray("diffusers", "DDIMScheduler"),
        ["text_encoder"] = new JsonArray("transformers", "ClapModel"),
        ["text_encoder_2"] = new JsonArray("transformers", "T5EncoderModel"),
        ["tokenizer"] = new JsonArray("transformers", "RobertaTokenizerFast"),
        ["tokenizer_2"] = new JsonArray("transformers", "T5TokenizerFast"),
        ["unet"] = new JsonArray("audioldm2", "AudioLDM2UNet2DConditionModel"),
        ["vae"] = new JsonArray("diffusers", "AutoencoderKL"),
        ["vocoder"] = new JsonArray("transformers", "SpeechT5HifiGan"),
    };

    /// <summary>text_encoder: CLAP, a RoBERTa-base and an HTSAT-base without fusion.</summary>
    public static JsonObject Clap() => new()
    {
        ["architectures"] = new JsonArray("ClapModel"),
        ["model_type"] = "clap",
        ["projection_dim"] = 512,
        ["projection_hidden_act"] = "relu",
        ["audio_config"] = new JsonObject
        {
            ["model_type"] = "clap_audio_model",
            ["patch_embeds_hidden_size"] = 128,
            ["hidden_size"] = 1024,
            ["depths"] = new JsonArray(2, 2, 12, 2),
        },
        ["text_config"] = new JsonObject { ["model_type"] = "clap_text_model" },
        ["torch_dtype"] = "float64",
    };

    /// <summary>feature_extractor: how CLAP hears.</summary>
    public static JsonObject ClapPreprocessor() => new()
    {
        ["feature_extractor_type"] = "ClapFeatureExtractor",
        ["feature_size"] = 64,
        ["fft_window_size"] = 1024,
        ["frequency_max"] = 14000,
        ["frequency_min"] = 50,
        ["hop_length"] = 480,
        ["max_length_s"] = 10,
        ["nb_frequency_bins"] = 513,
        ["nb_max_samples"] = 480000,
        ["padding"] = "repeatpad",
        ["padding_side"] = "right",
        ["padding_value"] = 0.0,
        ["return_attention_mask"] = false,
        ["sampling_rate"] = 48000,
        ["top_db"] = null,
        ["truncation"] = "rand_trunc",
    };

    /// <summary>text_encoder_2: the encoder of Flan-T5 large.</summary>
    public static JsonObject T5() => new()
    {
        ["architectures"] = new JsonArray("T5EncoderModel"),
        ["model_type"] = "t5",
        ["d_model"] = 1024,
        ["d_kv"] = 64,
        ["d_ff"] = 2816,
        ["num_layers"] = 24,
        ["num_decoder_layers"] = 24,
        ["num_heads"] = 16,
        ["feed_forward_proj"] = "gated-gelu",
        ["dense_act_fn"] = "gelu_new",
        ["is_gated_act"] = true,
        ["layer_norm_epsilon"] = 1e-6,
        ["n_positions"] = 512,
        ["relative_attention_num_buckets"] = 32,
        ["relative_attention_max_distance"] = 128,
        ["tie_word_embeddings"] = false,
        ["vocab_size"] = 32128,
        ["pad_token_id"] = 0,
        ["eos_token_id"] = 1,
        ["torch_dtype"] = "float32",
    };

    /// <summary>projection_model: CLAP's and T5's states to the width of GPT-2.</summary>
    public static JsonObject Projection() => new()
    {
        ["_class_name"] = "AudioLDM2ProjectionModel",
        ["langauge_model_dim"] = 768,
        ["text_encoder_1_dim"] = 1024,
        ["text_encoder_dim"] = 512,
    };

    /// <summary>language_model: GPT-2.</summary>
    /// <param name="layers">12 in the published one.</param>
    public static JsonObject Gpt2(int layers) => new()
    {
        ["architectures"] = new JsonArray("GPT2Model"),
        ["model_type"] = "gpt2",
        ["n_embd"] = 768,
        ["n_head"] = 12,
        ["n_layer"] = layers,
        ["n_positions"] = 1024,
        ["n_inner"] = null,
        ["activation_function"] = "gelu_new",
        ["layer_norm_epsilon"] = 1e-5,
        ["max_new_tokens"] = 8,
        ["vocab_size"] = 50257,
        ["torch_dtype"] = "float32",
    };

    /// <summary>unet.</summary>
    public static JsonObject UNet() => new()
    {
        ["_class_name"] = "AudioLDM2UNet2DConditionModel",
        ["act_fn"] = "silu",
        ["attention_head_dim"] = 8,
        ["block_out_channels"] = new JsonArray(128, 256, 384, 640),
        ["cross_attention_dim"] = new JsonArray([.. Enumerable.Range(0, 4).Select(_ => new JsonArray(null, 768, 1024))]),
        ["down_block_types"] = new JsonArray("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        ["up_block_types"] = new JsonArray("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        ["mid_block_type"] = "UNetMidBlock2DCrossAttn",
        ["flip_sin_to_cos"] = true,
        ["freq_shift"] = 0,
        ["in_channels"] = 8,
        ["out_channels"] = 8,
        ["layers_per_block"] = 2,
        ["norm_eps"] = 1e-5,
        ["norm_num_groups"] = 32,
        ["resnet_time_scale_shift"] = "default",
        ["sample_size"] = 256,
        ["transformer_layers_per_block"] = 1,
        ["upcast_attention"] = false,
        ["use_linear_projection"] = false,
    };

    /// <summary>vae.</summary>
    public static JsonObject Vae() => new()
    {
        ["_class_name"] = "AutoencoderKL",
        ["act_fn"] = "silu",
        ["block_out_channels"] = new JsonArray(128, 256, 512),
        ["down_block_types"] = new JsonArray("DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"),
        ["up_block_types"] = new JsonArray("UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
        ["force_upcast"] = true,
        ["in_channels"] = 1,
        ["out_channels"] = 1,
        ["latent_channels"] = 8,
        ["layers_per_block"] = 2,
        ["norm_num_groups"] = 32,
        ["sample_size"] = 1024,
        ["scaling_factor"] = 0.4110932946205139,
    };

    /// <summary>vocoder: HiFi-GAN.</summary>
    public static JsonObject Vocoder() => new()
    {
        ["architectures"] = new JsonArray("SpeechT5HifiGan"),
        ["model_type"] = "hifigan",
        ["leaky_relu_slope"] = 0.1,
        ["model_in_dim"] = 64,
        ["normalize_before"] = false,
        ["resblock_dilation_sizes"] = new JsonArray(new JsonArray(1, 3, 5), new JsonArray(1, 3, 5), new JsonArray(1, 3, 5)),
        ["resblock_kernel_sizes"] = new JsonArray(3, 7, 11),
        ["sampling_rate"] = 16000,
        ["torch_dtype"] = "float32",
        ["upsample_initial_channel"] = 1024,
        ["upsample_kernel_sizes"] = new JsonArray(16, 16, 8, 4, 4),
        ["upsample_rates"] = new JsonArray(5, 4, 2, 2, 2),
    };

    /// <summary>scheduler: DDIM.</summary>
    public static JsonObject Scheduler() => new()
    {
        ["_class_name"] = "DDIMScheduler",
        ["beta_end"] = 0.0195,
        ["beta_schedule"] = "scaled_linear",
        ["beta_start"] = 0.0015,
        ["clip_sample"] = false,
        ["num_train_timesteps"] = 1000,
        ["prediction_type"] = "epsilon",
        ["set_alpha_to_one"] = false,
        ["steps_offset"] = 1,
        ["timestep_spacing"] = "leading",
        ["trained_betas"] = null,
    };

    /// <summary>tokenizer_config.json of RoBERTa.</summary>
    public static JsonObject RobertaTokenizer() => new()
    {
        ["tokenizer_class"] = "RobertaTokenizer",
        ["add_prefix_space"] = false,
        ["bos_token"] = "<s>",
        ["cls_token"] = "<s>",
        ["eos_token"] = "</s>",
        ["sep_token"] = "</s>",
        ["pad_token"] = "<pad>",
        ["unk_token"] = "<unk>",
        ["mask_token"] = "<mask>",
        ["errors"] = "replace",
        ["model_max_length"] = 512,
        ["trim_offsets"] = true,
    };
}
