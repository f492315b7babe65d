namespace M2UGen.Export.Configs;

/// <summary>What an EnCodec <c>config.json</c> says (transformers, configuration_encodec.py). A key that is left out has that file's default.</summary>
internal sealed record EncodecConfig
{
    /// <summary>Samples a second, in Hz.</summary>
    public required int SampleRate { get; init; }

    public required int Channels { get; init; }

    /// <summary>Width of the latent frames (hidden_size = codebook_dim).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Channels of the outermost convolutions; doubled by every ratio on the way in.</summary>
    public required int Filters { get; init; }

    public required int KernelSize { get; init; }

    public required int LastKernelSize { get; init; }

    public required int ResidualKernelSize { get; init; }

    /// <summary>Residual blocks after every (de)convolution; block j has dilation growth^j.</summary>
    public required int ResidualLayers { get; init; }

    public required int DilationGrowth { get; init; }

    /// <summary>Channels inside a residual block: its width divided by this.</summary>
    public required int Compress { get; init; }

    /// <summary>Whether a residual block's bypass is a 1x1 convolution instead of the identity.</summary>
    public required bool HasConvShortcut { get; init; }

    public required int LstmLayers { get; init; }

    /// <summary>Upsampling ratios of the decoder, in its order; the encoder goes through them backwards.</summary>
    public required IReadOnlyList<int> Ratios { get; init; }

    /// <summary>Codes a codebook has.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Whether convolutions look only back.</summary>
    public required bool IsCausal { get; init; }

    /// <summary>Of a causal transposed convolution's surplus, the share cut from the right.</summary>
    public required double TrimRightRatio { get; init; }

    /// <summary>Mode of ONNX's Pad: reflect, edge or constant.</summary>
    public required string PadMode { get; init; }

    /// <summary>Whether convolutions carry weight norm.</summary>
    public required bool HasWeightNorm { get; init; }

    /// <summary>Samples of one latent frame: the product of the ratios.</summary>
    public int SamplesPerFrame => Ratios.Aggregate(1, (product, ratio) => product * ratio);

    /// <summary>Frames a second, rounded up as transformers does.</summary>
    public int FrameRate => ((SampleRate - 1) / SamplesPerFrame) + 1;

    /// <summary>Width of the LSTM: the innermost convolutions' channels.</summary>
    public int LstmSize => Filters << Ratios.Count;

    /// <summary>Reads the codec's section.</summary>
    public static EncodecConfig From(ConfigReader config)
    {
        string modelType = config.TextOr("model_type", "encodec");
        config.Require(modelType == "encodec", "model_type", $"'{modelType}' is not supported as audio encoder; expected 'encodec'");
        string norm = config.TextOr("norm_type", "weight_norm");
        config.Require(norm is "weight_norm" or "none", "norm_type", $"'{norm}' is not supported: its statistics run over the whole clip, which cannot be streamed; expected 'weight_norm'");
        config.Require(!config.BoolOr("normalize", false), "normalize", "normalising the input's loudness is not supported (a property of the 48 kHz EnCodec)");
        config.Require(!config.Has("chunk_length_s"), "chunk_length_s", "coding in chunks is not supported (a property of the 48 kHz EnCodec); expected null");
        string padMode = config.TextOr("pad_mode", "reflect");
        config.Require(padMode is "reflect" or "replicate" or "constant", "pad_mode", $"'{padMode}' is not supported; expected 'reflect', 'replicate' or 'constant'");

        int[] ratios = config.Has("upsampling_ratios") ? config.Ints("upsampling_ratios", most: 10, largest: 1024) : [8, 5, 4, 2];
        int product = (int)Math.Min(ratios.Aggregate(1L, (all, ratio) => Math.Min(all * ratio, int.MaxValue)), int.MaxValue);
        config.RequireTogether(product <= 1 << 16, "upsampling_ratios", $"their product {product} is larger than {1 << 16}");
        int sampleRate = config.IntOr("sampling_rate", 24000, largest: 1 << 20);
        int hidden = config.IntOr("hidden_size", 128);
        int codebookWidth = config.IntOr("codebook_dim", hidden);
        config.RequireTogether(codebookWidth == hidden, "codebook_dim", $"{codebookWidth} differs from hidden_size {hidden}, and the model has no projection between them");
        int filters = config.IntOr("num_filters", 32, largest: 1 << 12);
        int compress = config.IntOr("compress", 2, largest: 1 << 12);
        config.RequireTogether(compress <= filters, "compress", $"{compress} leaves no channel of {filters}");
        int residualLayers = config.IntOr("num_residual_layers", 1, smallest: 0, largest: 16);
        int growth = config.IntOr("dilation_growth_rate", 2, largest: 16);
        config.RequireTogether(Math.Pow(growth, Math.Max(0, residualLayers - 1)) <= 1 << 16, "dilation_growth_rate", $"{growth} to the power of {residualLayers - 1} is too large");
        int codebookSize = config.IntOr("codebook_size", 1024, smallest: 2);
        return new EncodecConfig
        {
            SampleRate = sampleRate,
            Channels = config.IntOr("audio_channels", 1, largest: 64),
            HiddenSize = hidden,
            Filters = filters,
            KernelSize = config.IntOr("kernel_size", 7, largest: 1 << 10),
            LastKernelSize = config.IntOr("last_kernel_size", 7, largest: 1 << 10),
            ResidualKernelSize = config.IntOr("residual_kernel_size", 3, largest: 1 << 10),
            ResidualLayers = residualLayers,
            DilationGrowth = growth,
            Compress = compress,
            HasConvShortcut = config.BoolOr("use_conv_shortcut", true),
            LstmLayers = config.IntOr("num_lstm_layers", 2, largest: 64),
            Ratios = ratios,
            CodebookSize = codebookSize,
            IsCausal = config.BoolOr("use_causal_conv", true),
            TrimRightRatio = config.DoubleOr("trim_right_ratio", 1, 0, 1),
            PadMode = padMode == "replicate" ? "edge" : padMode,
            HasWeightNorm = norm == "weight_norm",
        };
    }
}
