using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>The tensors of AudioLDM2's other parts as diffusers 0.21 and transformers 4.35 name them: AudioLDM2ProjectionModel, GPT2Model, AutoencoderKL, SpeechT5HifiGan.</summary>
internal static class DiffusionBlueprints
{
    // Makes up for what a SiLU takes away.
    internal const double Silu = 1.6;

    // What a residual branch adds to what bypasses it.
    internal const double Residual = 0.7;

    /// <summary>Lists the projection model's.</summary>
    public static void AddProjection(Blueprint blueprint, ProjectionModelConfig config)
    {
        blueprint.Linear("projection", config.LanguageSize, config.ClapSize);
        blueprint.Linear("projection_1", config.LanguageSize, config.T5Size);
        foreach (string vector in new[] { "sos_embed", "eos_embed", "sos_embed_1", "eos_embed_1" })
        {
            blueprint.Add(vector, 1, config.LanguageSize);
        }
    }

    /// <summary>Lists GPT-2's, whose matrices are stored [input, output].</summary>
    /// <param name="blueprint">Where to.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="vocabulary">Rows of the table of tokens, which AudioLDM2 does not look at.</param>
    public static void AddGpt2(Blueprint blueprint, Gpt2Config config, int vocabulary)
    {
        long hidden = config.HiddenSize;
        blueprint.Add("wte.weight", 0.5, vocabulary, hidden);
        blueprint.Add("wpe.weight", 0.3, config.Positions, hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            blueprint.Norm($"h.{i}.ln_1", hidden);
            Transposed($"h.{i}.attn.c_attn", hidden, 3 * hidden, 1);
            Transposed($"h.{i}.attn.c_proj", hidden, hidden, Residual);
            blueprint.Norm($"h.{i}.ln_2", hidden);
            Transposed($"h.{i}.mlp.c_fc", hidden, config.FeedForwardSize, 1);
            Transposed($"h.{i}.mlp.c_proj", config.FeedForwardSize, hidden, 1);
        }

        blueprint.Norm("ln_f", hidden);

        void Transposed(string name, long inputs, long outputs, double gain)
        {
            blueprint.Add($"{name}.weight", gain / Math.Sqrt(inputs), inputs, outputs);
            blueprint.Add($"{name}.bias", 0.05, outputs);
        }
    }

    /// <summary>Lists the autoencoder's: both halves, as the file has them.</summary>
    public static void AddVae(Blueprint blueprint, AutoencoderKlConfig config)
    {
        IReadOnlyList<int> channels = config.BlockChannels;
        long coarsest = channels[^1];

        // The picture that goes in has as many channels as the one that comes out, the encoder one residual block less.
        Conv(blueprint, "encoder.conv_in", channels[0], config.OutputChannels, 3);
        long width = channels[0];
        for (int i = 0; i < channels.Count; i++)
        {
            for (int j = 0; j + 1 < config.LayersPerBlock; j++)
            {
                Resnet(blueprint, $"encoder.down_blocks.{i}.resnets.{j}", width, channels[i], timeWidth: null);
                width = channels[i];
            }

            if (i + 1 < channels.Count)
            {
                Conv(blueprint, $"encoder.down_blocks.{i}.downsamplers.0.conv", width, width, 3);
            }
        }

        AddVaeMiddle(blueprint, "encoder", coarsest, config.HasMidAttention);
        blueprint.Norm("encoder.conv_norm_out", coarsest);
        Conv(blueprint, "encoder.conv_out", 2 * config.LatentChannels, coarsest, 3, Silu);
        if (config.HasPostQuantConv)
        {
            Conv(blueprint, "quant_conv", 2 * config.LatentChannels, 2 * config.LatentChannels, 1);
            Conv(blueprint, "post_quant_conv", config.LatentChannels, config.LatentChannels, 1);
        }

        Conv(blueprint, "decoder.conv_in", coarsest, config.LatentChannels, 3);
        AddVaeMiddle(blueprint, "decoder", coarsest, config.HasMidAttention);
        width = coarsest;
        for (int i = 0; i < channels.Count; i++)
        {
            long wanted = channels[channels.Count - 1 - i];
            for (int j = 0; j < config.LayersPerBlock; j++)
            {
                Resnet(blueprint, $"decoder.up_blocks.{i}.resnets.{j}", width, wanted, timeWidth: null);
                width = wanted;
            }

            if (i + 1 < channels.Count)
            {
                Conv(blueprint, $"decoder.up_blocks.{i}.upsamplers.0.conv", width, width, 3);
            }
        }

        blueprint.Norm("decoder.conv_norm_out", width);
        Conv(blueprint, "decoder.conv_out", config.OutputChannels, width, 3, Silu);
    }

    /// <summary>Lists the vocoder's, its weight norms already applied as in the published file.</summary>
    public static void AddVocoder(Blueprint blueprint, HifiGanConfig config)
    {
        // Make up for what a leaky rectifier takes away, so that noise comes out about as loud as music is.
        const double Rectified = 1.4;
        const double Loudness = 0.15;
        blueprint.Add(new SyntheticTensor("mean", TensorElementType.Float32, [config.MelBins], 0));
        blueprint.Add(new SyntheticTensor("scale", TensorElementType.Float32, [config.MelBins], 0, 1));
        Kernel("conv_pre", config.InitialChannels, config.MelBins, 7, 1);
        for (int i = 0; i < config.Rates.Count; i++)
        {
            long inputs = config.ChannelsAfter(i - 1);
            long outputs = config.ChannelsAfter(i);

            // An output is reached by kernel / rate taps of every input.
            blueprint.Add($"upsampler.{i}.weight", Rectified / Math.Sqrt(inputs * (double)config.Kernels[i] / config.Rates[i]), inputs, outputs, config.Kernels[i]);
            blueprint.Add($"upsampler.{i}.bias", 0.02, outputs);
            for (int k = 0; k < config.BlockKernels.Count; k++)
            {
                string block = $"resblocks.{(i * config.BlockKernels.Count) + k}";
                for (int j = 0; j < config.BlockDilations[k].Count; j++)
                {
                    Kernel($"{block}.convs1.{j}", outputs, outputs, config.BlockKernels[k], Rectified);
                    Kernel($"{block}.convs2.{j}", outputs, outputs, config.BlockKernels[k], 0.5);
                }
            }
        }

        Kernel("conv_post", 1, config.ChannelsAfter(config.Rates.Count - 1), 7, Loudness);

        void Kernel(string name, long outputs, long inputs, long size, double gain)
        {
            blueprint.Add($"{name}.weight", gain / Math.Sqrt(inputs * size), outputs, inputs, size);
            blueprint.Add($"{name}.bias", 0.02 * gain, outputs);
        }
    }

    /// <summary>Lists a convolution's over pictures.</summary>
    internal static void Conv(Blueprint blueprint, string name, long outputs, long inputs, long kernel, double gain = 1)
    {
        blueprint.Add($"{name}.weight", gain / Math.Sqrt(inputs * kernel * kernel), outputs, inputs, kernel, kernel);
        blueprint.Add($"{name}.bias", 0.05, outputs);
    }

    /// <summary>Lists a residual block's.</summary>
    internal static void Resnet(Blueprint blueprint, string name, long inputs, long outputs, int? timeWidth)
    {
        blueprint.Norm($"{name}.norm1", inputs);
        Conv(blueprint, $"{name}.conv1", outputs, inputs, 3, Silu);
        if (timeWidth is { } width)
        {
            blueprint.Linear($"{name}.time_emb_proj", outputs, width);
        }

        blueprint.Norm($"{name}.norm2", outputs);
        Conv(blueprint, $"{name}.conv2", outputs, outputs, 3, Silu * Residual);
        if (inputs != outputs)
        {
            Conv(blueprint, $"{name}.conv_shortcut", outputs, inputs, 1);
        }
    }

    private static void AddVaeMiddle(Blueprint blueprint, string side, long channels, bool hasAttention)
    {
        Resnet(blueprint, $"{side}.mid_block.resnets.0", channels, channels, timeWidth: null);
        if (hasAttention)
        {
            string attention = $"{side}.mid_block.attentions.0";
            blueprint.Norm($"{attention}.group_norm", channels);
            foreach (string projection in new[] { "to_q", "to_k", "to_v" })
            {
                blueprint.Linear($"{attention}.{projection}", channels, channels);
            }

            blueprint.Linear($"{attention}.to_out.0", channels, channels, Residual);
        }

        Resnet(blueprint, $"{side}.mid_block.resnets.1", channels, channels, timeWidth: null);
    }
}
