using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>One strided convolution of the feature extractor.</summary>
/// <param name="Channels">Channels out.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Step between outputs.</param>
internal readonly record struct MertConvolution(int Channels, int Kernel, int Stride);

/// <summary>What a MERT <c>config.json</c> says (configuration_MERT.py of the published checkpoints, over transformers' configuration_hubert.py).</summary>
internal sealed record MertConfig
{
    /// <summary>The strided convolutions in order.</summary>
    public required IReadOnlyList<MertConvolution> Convolutions { get; init; }

    /// <summary>Whether the convolutions have biases.</summary>
    public required bool HasConvBias { get; init; }

    /// <summary>feat_extract_norm "layer": a layer norm over the channels behind every convolution; otherwise ("group") each channel of the first is normalised over time.</summary>
    public required bool HasLayerNormConvolutions { get; init; }

    /// <summary>Behind the convolutions, and behind the positional one.</summary>
    public required Activation ConvActivation { get; init; }

    /// <summary>Whether the convolutions' output is normalised before its projection.</summary>
    public required bool HasProjectionNorm { get; init; }

    /// <summary>Taps of the positional convolution.</summary>
    public required int PositionalKernel { get; init; }

    public required int PositionalGroups { get; init; }

    /// <summary>do_stable_layer_norm makes layers pre-norm; without it deepnorm scales what bypasses them.</summary>
    public required EncoderLayerForm Form { get; init; }

    public required int Layers { get; init; }

    /// <summary>In Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Hidden states that are aggregated: the first layer's input and every layer's output.</summary>
    public int States => Layers + 1;

    /// <summary>The fewest samples that give a frame.</summary>
    public long MinSamples => SamplesOf(1);

    /// <summary>The fewest samples that give so many frames.</summary>
    public long SamplesOf(long frames) => Convolutions.Reverse().Aggregate(frames, (samples, conv) => ((samples - 1) * conv.Stride) + conv.Kernel);

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or asks for something unsupported; all of it is listed.</exception>
    public static MertConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "mert_model");
        config.Require(modelType == "mert_model", "model_type", $"'{modelType}' is not supported; expected 'mert_model'");
        config.ThrowIfWrong("a MERT");
        config.Require(!config.BoolOr("feature_extractor_cqt", false), "feature_extractor_cqt", "CQT features beside the convolutions are not supported; expected false (as MERT-v1 has it)");
        config.Require(!config.BoolOr("conv_pos_batch_norm", false), "conv_pos_batch_norm", "a batch norm before the positional convolution is not supported; expected false");
        string norm = config.TextOr("feat_extract_norm", "group");
        config.Require(norm is "group" or "layer", "feat_extract_norm", $"'{norm}' is not supported; expected 'group' or 'layer'");
        bool stable = config.BoolOr("do_stable_layer_norm", false);
        bool deepNorm = config.BoolOr("deepnorm", false);
        config.Require(!(stable && deepNorm), "deepnorm", "does not go with do_stable_layer_norm; DeepNorm needs the norm behind each part");

        // attention_relax scales the attention's scores against overflow in half precision and takes it back in the softmax: it changes no result.
        int layers = config.IntOr("num_hidden_layers", 12, largest: ConfigReader.MostLayers);
        int hidden = config.IntOr("hidden_size", 768);
        int heads = config.IntOr("num_attention_heads", 12);
        int groups = config.IntOr("num_conv_pos_embedding_groups", 16);
        config.RequireTogether(hidden % heads == 0, "num_attention_heads", $"{heads} do not divide hidden_size {hidden}");
        config.RequireTogether(hidden % groups == 0, "num_conv_pos_embedding_groups", $"{groups} do not divide hidden_size {hidden}");
        MertConfig mert = new()
        {
            Convolutions = ReadConvolutions(config),
            HasConvBias = config.BoolOr("conv_bias", false),
            HasLayerNormConvolutions = norm == "layer",
            ConvActivation = Activations.Read(config, "feat_extract_activation"),
            HasProjectionNorm = config.BoolOr("feat_proj_layer_norm", true),
            PositionalKernel = config.IntOr("num_conv_pos_embeddings", 128, largest: 1 << 14),
            PositionalGroups = groups,
            Form = new EncoderLayerForm
            {
                HiddenSize = hidden,
                FeedForwardSize = config.IntOr("intermediate_size", 3072),
                Heads = heads,
                Activation = Activations.Read(config, "hidden_act"),
                Epsilon = (float)config.DoubleOr("layer_norm_eps", 1e-5, 0, 1),
                IsPreNorm = stable,
                BypassScale = deepNorm ? (float)Math.Pow(2.0 * layers, 0.25) : 1,
            },
            Layers = layers,
            SampleRate = config.IntOr("sample_rate", 24000, largest: 1 << 20),
        };
        config.ThrowIfWrong("a MERT");
        return mert;
    }

    private static MertConvolution[] ReadConvolutions(ConfigReader config)
    {
        const int Most = 32;
        int[] channels = Read("conv_dim", [512, 512, 512, 512, 512, 512, 512], 1 << 16);
        int[] kernels = Read("conv_kernel", [10, 3, 3, 3, 3, 2, 2], 1 << 10);
        int[] strides = Read("conv_stride", [5, 2, 2, 2, 2, 2, 2], 1 << 10);
        config.RequireTogether(
            channels.Length == kernels.Length && channels.Length == strides.Length,
            "conv_dim",
            $"has {channels.Length} numbers, conv_kernel {kernels.Length} and conv_stride {strides.Length}; expected one of each a convolution");
        double reach = strides.Aggregate(1.0, (product, stride) => product * stride);
        config.RequireTogether(reach <= 1 << 20, "conv_stride", $"the product {reach} of the strides is larger than {1 << 20} samples a frame");
        int count = Math.Min(channels.Length, Math.Min(kernels.Length, strides.Length));
        return [.. Enumerable.Range(0, count).Select(i => new MertConvolution(channels[i], kernels[i], strides[i]))];

        int[] Read(string key, int[] absent, int largest) => config.Has(key) ? config.Ints(key, Most, largest: largest) : absent;
    }
}
