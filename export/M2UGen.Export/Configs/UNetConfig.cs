using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>What a transformer of a UNet attends to beside the picture itself.</summary>
internal enum UNetAttentionSource
{
    /// <summary>The picture, a second time.</summary>
    Self,

    /// <summary>GPT-2's vectors (encoder_hidden_states).</summary>
    Generated,

    /// <summary>T5's states (encoder_hidden_states_1), with their mask.</summary>
    Prompt,
}

/// <summary>One of the transformers behind a residual block.</summary>
/// <param name="Source">What its second attention looks at.</param>
/// <param name="Width">Width of those states; of no meaning for <see cref="UNetAttentionSource.Self"/>.</param>
internal readonly record struct UNetPath(UNetAttentionSource Source, int Width);

/// <summary>The blocks of one resolution, on the way down or up.</summary>
/// <param name="Channels">Channels that come out.</param>
/// <param name="Layers">Residual blocks, each followed by the paths.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="TransformerLayers">Layers of each transformer.</param>
/// <param name="Paths">Transformers behind each residual block, in order; empty for blocks without attention.</param>
internal sealed record UNetBlockConfig(int Channels, int Layers, int Heads, int TransformerLayers, IReadOnlyList<UNetPath> Paths)
{
    /// <summary>Width of one head; what does not divide is lost, as in diffusers.</summary>
    public int HeadSize => Channels / Heads;

    /// <summary>Width inside the transformers.</summary>
    public int InnerWidth => HeadSize * Heads;
}

/// <summary>What the <c>config.json</c> of an AudioLDM2UNet2DConditionModel says (diffusers 0.21.4, modeling_audioldm2.py). A key that is left out has that file's default.</summary>
internal sealed record UNetConfig
{
    // Published ones have 4.
    private const int MostBlocks = 16;

    // "Only up to 4 cross-attention layers are supported."
    private const int MostPaths = 4;

    /// <summary>Channels of the latents.</summary>
    public required int InChannels { get; init; }

    /// <summary>Channels of the prediction.</summary>
    public required int OutChannels { get; init; }

    /// <summary>Rows and columns of the first convolution's kernel.</summary>
    public required int ConvInKernel { get; init; }

    /// <summary>Rows and columns of the last convolution's kernel.</summary>
    public required int ConvOutKernel { get; init; }

    /// <summary>Norms and activation of the residual blocks.</summary>
    public required ResnetForm Form { get; init; }

    /// <summary>Whether the transformers' projections are stored as linear layers instead of 1×1 convolutions.</summary>
    public required bool HasLinearProjection { get; init; }

    /// <summary>From the finest resolution to the coarsest.</summary>
    public required IReadOnlyList<UNetBlockConfig> Down { get; init; }

    /// <summary>The middle: one residual block, the paths, another residual block.</summary>
    public required UNetBlockConfig Middle { get; init; }

    /// <summary>From the coarsest resolution to the finest.</summary>
    public required IReadOnlyList<UNetBlockConfig> Up { get; init; }

    /// <summary>Sines and cosines of a timestep.</summary>
    public required int TimeChannels { get; init; }

    /// <summary>Width of the time embedding.</summary>
    public required int TimeWidth { get; init; }

    /// <summary>Whether the cosines come first.</summary>
    public required bool HasCosinesFirst { get; init; }

    /// <summary>downscale_freq_shift of the frequencies.</summary>
    public required int FrequencyShift { get; init; }

    /// <summary>Width of GPT-2's vectors, or null where nothing attends to them.</summary>
    public int? GeneratedWidth => WidthOf(UNetAttentionSource.Generated);

    /// <summary>Width of T5's states, or null where nothing attends to them.</summary>
    public int? PromptWidth => WidthOf(UNetAttentionSource.Prompt);

    private IEnumerable<UNetPath> Paths => Down.Append(Middle).Concat(Up).SelectMany(block => block.Paths);

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or asks for something unsupported; all of it is listed.</exception>
    public static UNetConfig Read(string path)
    {
        const string What = "an AudioLDM2 UNet";
        ConfigReader config = ConfigReader.Open(path);
        string name = config.TextOr("_class_name", "AudioLDM2UNet2DConditionModel");
        config.Require(name == "AudioLDM2UNet2DConditionModel", "_class_name", $"'{name}' is not supported; expected 'AudioLDM2UNet2DConditionModel'");
        config.ThrowIfWrong(What);
        RefuseUnsupported(config);
        int[] channels = config.Ints("block_out_channels", MostBlocks);
        string[] downTypes = Types(config, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D");
        string[] upTypes = Types(config, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D");
        int count = Math.Max(channels.Length, 1);
        config.RequireTogether(downTypes.Length == count, "down_block_types", $"has {downTypes.Length} entries and block_out_channels {count}");
        config.RequireTogether(upTypes.Length == count, "up_block_types", $"has {upTypes.Length} entries and block_out_channels {count}");
        int[] heads = config.IntPerBlock("attention_head_dim", count, 8);
        int[] layers = config.IntPerBlock("layers_per_block", count, 2, largest: ConfigReader.MostLayers);
        int[] transformerLayers = config.IntPerBlock("transformer_layers_per_block", count, 1, largest: ConfigReader.MostLayers);
        int?[][] widths = config.OptionalIntsPerBlock("cross_attention_dim", count, 1280, MostPaths);
        int groups = config.IntOr("norm_num_groups", 32);
        config.RequireTogether(channels.All(channel => channel % groups == 0), "norm_num_groups", $"{groups} do not divide every one of block_out_channels");
        config.RequireTogether(channels.Zip(heads).All(pair => pair.Second <= pair.First), "attention_head_dim", "asks for more heads than there are channels");
        long transformers = layers.Zip(transformerLayers, widths).Sum(block => (long)block.First * block.Second * block.Third.Length);
        config.RequireTogether(layers.Sum() <= ConfigReader.MostLayers && transformers <= ConfigReader.MostLayers, "layers_per_block", $"asks for {layers.Sum()} layers with {transformers} transformer layers; at most {ConfigReader.MostLayers} are read");
        config.ThrowIfWrong(What);

        IReadOnlyList<UNetPath>[] paths = [.. widths.Select(PathsOf)];
        UNetConfig read = new()
        {
            InChannels = config.IntOr("in_channels", 4),
            OutChannels = config.IntOr("out_channels", 4),
            ConvInKernel = OddKernel(config, "conv_in_kernel"),
            ConvOutKernel = OddKernel(config, "conv_out_kernel"),
            Form = new ResnetForm(groups, (float)config.DoubleOr("norm_eps", 1e-5, 0, 1), Activations.Read(config, "act_fn", "silu")),
            HasLinearProjection = config.BoolOr("use_linear_projection", false),
            Down = [.. Enumerable.Range(0, count).Select(i => Block(i, layers[i], downTypes[i].StartsWith("Cross", StringComparison.Ordinal)))],
            Middle = Block(count - 1, 1, hasAttention: true),
            Up = [.. Enumerable.Range(0, count).Select(i => Block(count - 1 - i, layers[count - 1 - i] + 1, upTypes[i].StartsWith("Cross", StringComparison.Ordinal)))],
            TimeChannels = channels[0],
            TimeWidth = config.IntOr("time_embedding_dim", channels[0] * 4),
            HasCosinesFirst = config.BoolOr("flip_sin_to_cos", true),
            FrequencyShift = config.IntOr("freq_shift", 0, smallest: 0, largest: 1),
        };
        config.Require(read.TimeChannels / 2 > read.FrequencyShift, "freq_shift", $"{read.FrequencyShift} leaves no frequencies of {read.TimeChannels / 2}");
        foreach (UNetAttentionSource source in (UNetAttentionSource[])[UNetAttentionSource.Generated, UNetAttentionSource.Prompt])
        {
            int[] different = [.. read.Paths.Where(path => path.Source == source).Select(path => path.Width).Distinct()];
            config.Require(different.Length <= 1, "cross_attention_dim", $"gives the same states the widths {string.Join(" and ", different)}");
        }

        config.ThrowIfWrong(What);
        return read;

        UNetBlockConfig Block(int resolution, int layerCount, bool hasAttention)
            => new(channels[resolution], layerCount, heads[resolution], transformerLayers[resolution], hasAttention ? paths[resolution] : []);
    }

    /// <summary>The first two paths see GPT-2's vectors, those behind them T5's states; a width of null means the picture itself.</summary>
    private static IReadOnlyList<UNetPath> PathsOf(int?[] widths) =>
        [.. widths.Select((width, index) => new UNetPath(width is null ? UNetAttentionSource.Self : index <= 1 ? UNetAttentionSource.Generated : UNetAttentionSource.Prompt, width ?? 0))];

    private static string[] Types(ConfigReader config, string key, string plain, string attentive)
    {
        const string OldPrefix = "UNetRes";
        string[] types = [.. config.Texts(key, MostBlocks).Select(type => type.StartsWith(OldPrefix, StringComparison.Ordinal) ? type[OldPrefix.Length..] : type)];
        string unknown = string.Join(", ", types.Where(type => type != plain && type != attentive).Distinct().Select(type => $"'{type}'"));
        config.Require(unknown.Length == 0, key, $"{unknown} is not supported; expected '{plain}' or '{attentive}'");
        return types;
    }

    private static int OddKernel(ConfigReader config, string key)
    {
        int kernel = config.IntOr(key, 3, largest: 63);
        config.Require(kernel % 2 == 1, key, $"{kernel} is even; only odd kernels keep the picture's size");
        return kernel;
    }

    /// <summary>What the class could do and no AudioLDM2 does.</summary>
    private static void RefuseUnsupported(ConfigReader config)
    {
        string middle = config.TextOr("mid_block_type", "UNetMidBlock2DCrossAttn");
        config.Require(middle == "UNetMidBlock2DCrossAttn", "mid_block_type", $"'{middle}' is not supported; expected 'UNetMidBlock2DCrossAttn'");
        config.Require(config.DoubleOr("mid_block_scale_factor", 1) == 1, "mid_block_scale_factor", "a scaled middle block is not supported; expected 1");
        config.Require(config.IntOr("downsample_padding", 1, smallest: 0) == 1, "downsample_padding", "another padding than 1 is not supported; expected 1");
        string shift = config.TextOr("resnet_time_scale_shift", "default");
        config.Require(shift == "default", "resnet_time_scale_shift", $"'{shift}' is not supported; expected 'default'");
        string embedding = config.TextOr("time_embedding_type", "positional");
        config.Require(embedding == "positional", "time_embedding_type", $"'{embedding}' is not supported; expected 'positional'");
        config.Require(!config.HasTrue("only_cross_attention"), "only_cross_attention", "transformers without self attention are not supported; expected false");
        config.Require(!config.BoolOr("class_embeddings_concat", false), "class_embeddings_concat", "class embeddings are not supported; expected false");
        foreach (string key in (string[])["num_attention_heads", "class_embed_type", "num_class_embeds", "time_embedding_act_fn", "timestep_post_act", "time_cond_proj_dim"])
        {
            config.Require(!config.Has(key), key, "is not supported; expected null");
        }
    }

    private int? WidthOf(UNetAttentionSource source) => Paths.Where(path => path.Source == source).Select(path => (int?)path.Width).FirstOrDefault();
}
