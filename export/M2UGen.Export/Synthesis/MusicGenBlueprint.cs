using M2UGen.Export.Blocks;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>The tensors of a MusicGen as transformers names them (MusicgenForConditionalGeneration).</summary>
internal static class MusicGenBlueprint
{
    // Below one, so that the sum of many layers does not drown what came before; above what a gate would close.
    private const double Residual = 0.7;

    // Logits that spread like those of a trained model: some codes clearly likelier than others.
    private const double Head = 3;

    /// <summary>Lists them.</summary>
    /// <param name="blueprint">Where to.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="prefix">In front of every name: empty, or <c>generation_model.</c> in an M2UGen checkpoint.</param>
    public static void AddTo(Blueprint blueprint, MusicGenConfig config, string prefix = "")
    {
        AddT5(blueprint, config.TextEncoder, $"{prefix}text_encoder.");
        AddCodec(blueprint, config.AudioEncoder, config.Decoder.Codebooks / config.Decoder.AudioChannels, $"{prefix}audio_encoder.");
        AddDecoder(blueprint, config, $"{prefix}decoder.");
        if (config.HasTextProjection)
        {
            blueprint.Linear($"{prefix}enc_to_dec_proj", config.Decoder.HiddenSize, config.TextEncoder.HiddenSize);
        }

        if (config.IsMelody && config.HasChromaProjection)
        {
            blueprint.Linear($"{prefix}audio_enc_to_dec_proj", config.Decoder.HiddenSize, config.ChromaBins);
        }
    }

    /// <summary>Lists a T5 encoder's.</summary>
    internal static void AddT5(Blueprint blueprint, T5Config config, string prefix)
    {
        long hidden = config.HiddenSize;
        long inner = (long)config.Heads * config.HeadSize;
        blueprint.Add($"{prefix}shared.weight", 1, config.VocabularySize, hidden);
        SyntheticTensor shared = blueprint.Tensors[^1];
        blueprint.Add(shared with { Name = $"{prefix}encoder.embed_tokens.weight", SharedWith = shared.Name });
        for (int i = 0; i < config.Layers; i++)
        {
            string block = $"{prefix}encoder.block.{i}";
            string attention = $"{block}.layer.0.SelfAttention";

            // The scores are not divided by the root of the head size: the matrix of the queries is smaller instead.
            blueprint.Matrix($"{attention}.q.weight", inner, hidden, 1 / Math.Sqrt(config.HeadSize));
            blueprint.Matrix($"{attention}.k.weight", inner, hidden);
            blueprint.Matrix($"{attention}.v.weight", inner, hidden);
            blueprint.Matrix($"{attention}.o.weight", hidden, inner, Residual);
            if (i == 0)
            {
                blueprint.Add($"{attention}.relative_attention_bias.weight", 0.5, config.Buckets, config.Heads);
            }

            blueprint.Norm($"{block}.layer.0.layer_norm", hidden, hasBias: false);
            string feedForward = $"{block}.layer.1.DenseReluDense";
            foreach (string matrix in config.IsGated ? new[] { "wi_0", "wi_1" } : ["wi"])
            {
                blueprint.Matrix($"{feedForward}.{matrix}.weight", config.FeedForwardSize, hidden);
            }

            blueprint.Matrix($"{feedForward}.wo.weight", hidden, config.FeedForwardSize);
            blueprint.Norm($"{block}.layer.1.layer_norm", hidden, hasBias: false);
        }

        blueprint.Norm($"{prefix}encoder.final_layer_norm", hidden, hasBias: false);
    }

    private static void AddDecoder(Blueprint blueprint, MusicGenConfig model, string prefix)
    {
        MusicGenDecoderConfig config = model.Decoder;
        long hidden = config.HiddenSize;
        string root = $"{prefix}model.decoder.";
        for (int k = 0; k < config.Codebooks; k++)
        {
            blueprint.Add($"{root}embed_tokens.{k}.weight", 0.5, config.VocabularySize + 1, hidden);
        }

        blueprint.Add(new SyntheticTensor($"{root}embed_positions.weights", Checkpoints.TensorElementType.Float32, [config.MaxPositions, hidden], 0)
        {
            Elements = () => SinusoidalPositions.Table(config.MaxPositions, config.HiddenSize).Load(),
        });
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"{root}layers.{i}";
            foreach (string attention in model.IsMelody ? new[] { "self_attn" } : ["self_attn", "encoder_attn"])
            {
                foreach (string projection in new[] { "k_proj", "v_proj", "q_proj" })
                {
                    blueprint.Matrix($"{layer}.{attention}.{projection}.weight", hidden, hidden);
                }

                blueprint.Matrix($"{layer}.{attention}.out_proj.weight", hidden, hidden, Residual);
                blueprint.Norm($"{layer}.{attention}_layer_norm", hidden);
            }

            blueprint.Matrix($"{layer}.fc1.weight", config.FeedForwardSize, hidden);
            blueprint.Matrix($"{layer}.fc2.weight", hidden, config.FeedForwardSize);
            blueprint.Norm($"{layer}.final_layer_norm", hidden);
        }

        blueprint.Norm($"{root}layer_norm", hidden);
        for (int k = 0; k < config.Codebooks; k++)
        {
            blueprint.Matrix($"{prefix}lm_heads.{k}.weight", config.VocabularySize, hidden, Head);
        }
    }

    /// <summary>EnCodec's layers are numbered with the activations between them, which have no weights. Source: transformers modeling_encodec.py.</summary>
    private static void AddCodec(Blueprint blueprint, EncodecConfig config, int codebooks, string prefix)
    {
        int channels = config.Filters;
        int layer = 1;
        AddConv(blueprint, config, $"{prefix}encoder.layers.0", channels, config.Channels, config.KernelSize);
        foreach (int ratio in config.Ratios.Reverse())
        {
            AddResidual(blueprint, config, $"{prefix}encoder", channels, ref layer);
            AddConv(blueprint, config, $"{prefix}encoder.layers.{layer + 1}", channels * 2, channels, ratio * 2);
            channels *= 2;
            layer += 2;
        }

        AddLstm(blueprint, config, $"{prefix}encoder.layers.{layer}", channels);
        AddConv(blueprint, config, $"{prefix}encoder.layers.{layer + 2}", config.HiddenSize, channels, config.LastKernelSize);

        AddConv(blueprint, config, $"{prefix}decoder.layers.0", channels, config.HiddenSize, config.KernelSize);
        AddLstm(blueprint, config, $"{prefix}decoder.layers.1", channels);
        layer = 2;
        foreach (int ratio in config.Ratios)
        {
            AddTransposed(blueprint, config, $"{prefix}decoder.layers.{layer + 1}", channels, channels / 2, ratio * 2);
            channels /= 2;
            layer += 2;
            AddResidual(blueprint, config, $"{prefix}decoder", channels, ref layer);
        }

        // Sound about as loud as music is: a tenth of full scale.
        AddConv(blueprint, config, $"{prefix}decoder.layers.{layer + 1}", config.Channels, channels, config.LastKernelSize, gain: 0.1);
        for (int k = 0; k < codebooks; k++)
        {
            string codebook = $"{prefix}quantizer.layers.{k}.codebook";
            blueprint.Add(new SyntheticTensor($"{codebook}.inited", Checkpoints.TensorElementType.Float32, [1], 0, 1));
            blueprint.Add(new SyntheticTensor($"{codebook}.cluster_size", Checkpoints.TensorElementType.Float32, [config.CodebookSize], 0.1, 1));
            blueprint.Add($"{codebook}.embed", Math.Pow(0.6, k), config.CodebookSize, config.HiddenSize);
            blueprint.Add($"{codebook}.embed_avg", Math.Pow(0.6, k), config.CodebookSize, config.HiddenSize);
        }
    }

    private static void AddResidual(Blueprint blueprint, EncodecConfig config, string side, int channels, ref int layer)
    {
        for (int i = 0; i < config.ResidualLayers; i++)
        {
            string block = $"{side}.layers.{layer++}";
            int narrow = channels / config.Compress;
            AddConv(blueprint, config, $"{block}.block.1", narrow, channels, config.ResidualKernelSize);
            AddConv(blueprint, config, $"{block}.block.3", channels, narrow, 1, gain: 0.7);
            if (config.HasConvShortcut)
            {
                AddConv(blueprint, config, $"{block}.shortcut", channels, channels, 1);
            }
        }
    }

    private static void AddLstm(Blueprint blueprint, EncodecConfig config, string name, int size)
    {
        for (int i = 0; i < config.LstmLayers; i++)
        {
            blueprint.Matrix($"{name}.lstm.weight_ih_l{i}", 4 * size, size);
            blueprint.Matrix($"{name}.lstm.weight_hh_l{i}", 4 * size, size, 0.5);
            blueprint.Add($"{name}.lstm.bias_ih_l{i}", 0.05, 4 * size);
            blueprint.Add($"{name}.lstm.bias_hh_l{i}", 0.05, 4 * size);
        }
    }

    private static void AddConv(Blueprint blueprint, EncodecConfig config, string name, long outputs, long inputs, long kernel, double gain = 1.3)
        => AddKernel(blueprint, config, name, [outputs, inputs, kernel], gain, gain / Math.Sqrt(inputs * kernel), outputs);

    /// <summary>Kernels of twice the stride: every output is reached by two taps of every input.</summary>
    private static void AddTransposed(Blueprint blueprint, EncodecConfig config, string name, long inputs, long outputs, long kernel, double gain = 1.3)
        => AddKernel(blueprint, config, name, [inputs, outputs, kernel], gain * Math.Sqrt(outputs * kernel / (2.0 * inputs)), gain / Math.Sqrt(2.0 * inputs), outputs);

    private static void AddKernel(Blueprint blueprint, EncodecConfig config, string name, long[] shape, double norm, double spread, long outputs)
    {
        if (config.HasWeightNorm)
        {
            blueprint.Add(new SyntheticTensor($"{name}.conv.weight_g", Checkpoints.TensorElementType.Float32, [shape[0], 1, 1], norm * 0.05, norm));
            blueprint.Add($"{name}.conv.weight_v", spread, shape);
        }
        else
        {
            blueprint.Add($"{name}.conv.weight", spread, shape);
        }

        blueprint.Add($"{name}.conv.bias", 0.02, outputs);
    }
}
