using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>What the <c>config.json</c> of a diffusers AutoencoderKL says about its decoder (diffusers 0.21.4, autoencoder_kl.py). A key that is left out has that file's default.</summary>
internal sealed record AutoencoderKlConfig
{
    // Published ones have 3 or 4.
    private const int MostBlocks = 16;

    // Not in the configuration: the decoder's norms always have it.
    private const float Epsilon = 1e-6f;

    /// <summary>Channels of the latents.</summary>
    public required int LatentChannels { get; init; }

    /// <summary>Channels of the decoded picture: 1 for a spectrogram.</summary>
    public required int OutputChannels { get; init; }

    /// <summary>Channels of each resolution, the finest first; the decoder goes through them from behind.</summary>
    public required IReadOnlyList<int> BlockChannels { get; init; }

    /// <summary>Residual blocks of one resolution: one more than layers_per_block.</summary>
    public required int LayersPerBlock { get; init; }

    /// <summary>Norms and activation.</summary>
    public required ResnetForm Form { get; init; }

    /// <summary>What the latents were multiplied with.</summary>
    public required double ScalingFactor { get; init; }

    /// <summary>Whether the block in the middle has an attention.</summary>
    public required bool HasMidAttention { get; init; }

    /// <summary>Whether a 1×1 convolution comes before the decoder.</summary>
    public required bool HasPostQuantConv { get; init; }

    /// <summary>Rows and columns that one of the latents becomes.</summary>
    public int ScaleFactor => 1 << (BlockChannels.Count - 1);

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or asks for something unsupported; all of it is listed.</exception>
    public static AutoencoderKlConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string name = config.TextOr("_class_name", "AutoencoderKL");
        config.Require(name == "AutoencoderKL", "_class_name", $"'{name}' is not supported; expected 'AutoencoderKL'");
        config.ThrowIfWrong("an AutoencoderKL");
        string[] types = config.Has("up_block_types") ? config.Texts("up_block_types", MostBlocks) : ["UpDecoderBlock2D"];
        string unknown = string.Join(", ", types.Where(type => type != "UpDecoderBlock2D").Distinct().Select(type => $"'{type}'"));
        config.Require(unknown.Length == 0, "up_block_types", $"{unknown} is not supported; expected 'UpDecoderBlock2D' only");
        int[] channels = config.Has("block_out_channels") ? config.Ints("block_out_channels", MostBlocks) : [64];
        config.RequireTogether(channels.Length == types.Length, "block_out_channels", $"has {channels.Length} entries and up_block_types {types.Length}");
        int groups = config.IntOr("norm_num_groups", 32);
        config.RequireTogether(channels.All(channel => channel % groups == 0), "norm_num_groups", $"{groups} do not divide every one of block_out_channels");
        config.Require(!config.Has("shift_factor") || config.DoubleOr("shift_factor", 0) == 0, "shift_factor", "a shift of the latents is not supported; expected none");
        config.Require(!config.Has("latents_mean") && !config.Has("latents_std"), "latents_mean", "means and deviations of the latents are not supported; expected none");
        double scaling = config.DoubleOr("scaling_factor", 0.18215);
        config.Require(scaling != 0 && double.IsFinite(1 / (float)scaling), "scaling_factor", $"{scaling} cannot be divided by");
        AutoencoderKlConfig read = new()
        {
            LatentChannels = config.IntOr("latent_channels", 4),
            OutputChannels = config.IntOr("out_channels", 3),
            BlockChannels = channels,
            LayersPerBlock = config.IntOr("layers_per_block", 1, largest: ConfigReader.MostLayers / MostBlocks) + 1,
            Form = new ResnetForm(groups, Epsilon, Activations.Read(config, "act_fn", "silu")),
            ScalingFactor = scaling,
            HasMidAttention = config.BoolOr("mid_block_add_attention", true),
            HasPostQuantConv = config.BoolOr("use_post_quant_conv", true),
        };
        config.ThrowIfWrong("an AutoencoderKL");
        return read;
    }
}
