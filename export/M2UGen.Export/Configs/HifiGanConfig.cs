namespace M2UGen.Export.Configs;

/// <summary>What the <c>config.json</c> of a SpeechT5 HiFi-GAN says (transformers, configuration_speecht5.py, SpeechT5HifiGanConfig). A key that is left out has that file's default.</summary>
internal sealed record HifiGanConfig
{
    // The published one has 5 stages of 3 blocks.
    private const int MostStages = 32;

    /// <summary>Frequency bins of the spectrogram (model_in_dim).</summary>
    public required int MelBins { get; init; }

    /// <summary>In Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Channels before the first stage; each stage halves them.</summary>
    public required int InitialChannels { get; init; }

    /// <summary>Of each stage's transposed convolution.</summary>
    public required IReadOnlyList<int> Rates { get; init; }

    /// <summary>Of each stage's transposed convolution.</summary>
    public required IReadOnlyList<int> Kernels { get; init; }

    /// <summary>Of each residual block of a stage.</summary>
    public required IReadOnlyList<int> BlockKernels { get; init; }

    /// <summary>Of each residual block of a stage: one per pair of convolutions.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> BlockDilations { get; init; }

    /// <summary>Of the leaky rectifiers, except the last one.</summary>
    public required float LeakySlope { get; init; }

    /// <summary>Whether stored means and scales are applied to the spectrogram first.</summary>
    public required bool NormalizesInput { get; init; }

    /// <summary>Samples of one more frame.</summary>
    public int SamplesPerFrame => Rates.Aggregate(1, (product, rate) => checked(product * rate));

    /// <summary>Samples beside those of the frames: a stage gives one more than rate · length where kernel minus rate is odd.</summary>
    public int ExtraSamples
    {
        get
        {
            int extra = 0;
            for (int i = 0; i < Rates.Count; i++)
            {
                extra = checked((extra * Rates[i]) + ((Kernels[i] - Rates[i]) % 2));
            }

            return extra;
        }
    }

    /// <summary>Channels behind a stage; stage -1 is what the first one takes.</summary>
    public int ChannelsAfter(int stage) => InitialChannels >> (stage + 1);

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static HifiGanConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "hifigan");
        config.Require(modelType == "hifigan", "model_type", $"'{modelType}' is not supported as vocoder; expected 'hifigan'");
        config.ThrowIfWrong("a HiFi-GAN vocoder");
        int channels = config.IntOr("upsample_initial_channel", 512);
        int[] rates = config.Has("upsample_rates") ? config.Ints("upsample_rates", MostStages, largest: 1 << 10) : [4, 4, 4, 4];
        int[] kernels = config.Has("upsample_kernel_sizes") ? config.Ints("upsample_kernel_sizes", MostStages, largest: 1 << 12) : [8, 8, 8, 8];
        int[] blockKernels = config.Has("resblock_kernel_sizes") ? config.Ints("resblock_kernel_sizes", MostStages, largest: 1 << 10) : [3, 7, 11];
        int[][] dilations = config.Has("resblock_dilation_sizes") ? config.IntLists("resblock_dilation_sizes", MostStages, largest: 1 << 10) : [[1, 3, 5], [1, 3, 5], [1, 3, 5]];
        config.RequireTogether(kernels.Length == rates.Length, "upsample_kernel_sizes", $"has {kernels.Length} entries and upsample_rates {rates.Length}");
        config.RequireTogether(kernels.Zip(rates).All(pair => pair.First >= pair.Second), "upsample_kernel_sizes", "has a kernel smaller than its upsample rate, which would leave gaps");
        config.RequireTogether(channels >> Math.Min(rates.Length, 30) >= 1, "upsample_initial_channel", $"{channels} cannot be halved {rates.Length} times");
        config.RequireTogether(rates.Aggregate(1L, (product, rate) => Math.Min(product * rate, 1L << 40)) <= 1 << 20, "upsample_rates", "makes more than a million samples of one frame");
        config.RequireTogether(dilations.Length == blockKernels.Length, "resblock_dilation_sizes", $"has {dilations.Length} entries and resblock_kernel_sizes {blockKernels.Length}");

        // An even kernel makes the residual branch shorter than what it is added to.
        config.RequireTogether(blockKernels.All(kernel => kernel % 2 == 1), "resblock_kernel_sizes", "holds an even kernel; only odd ones keep the length");
        HifiGanConfig read = new()
        {
            MelBins = config.IntOr("model_in_dim", 80, largest: 1 << 14),
            SampleRate = config.IntOr("sampling_rate", 16000),
            InitialChannels = channels,
            Rates = rates,
            Kernels = kernels,
            BlockKernels = blockKernels,
            BlockDilations = dilations,
            LeakySlope = (float)config.DoubleOr("leaky_relu_slope", 0.1, 0, 1),
            NormalizesInput = config.BoolOr("normalize_before", true),
        };
        config.ThrowIfWrong("a HiFi-GAN vocoder");
        return read;
    }
}
