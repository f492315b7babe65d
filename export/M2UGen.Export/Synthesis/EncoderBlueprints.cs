using M2UGen.Export.Blocks;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>The tensors of MERT, ViT and ViViT as transformers names them (MERTModel, ViTModel, VivitModel).</summary>
internal static class EncoderBlueprints
{
    private const double Residual = 0.5;

    /// <summary>Lists MERT's.</summary>
    public static void AddMert(Blueprint blueprint, MertConfig config, string prefix)
    {
        long channels = 1;
        for (int i = 0; i < config.Convolutions.Count; i++)
        {
            MertConvolution convolution = config.Convolutions[i];
            string layer = $"{prefix}feature_extractor.conv_layers.{i}";
            blueprint.Add($"{layer}.conv.weight", 1.5 / Math.Sqrt(channels * convolution.Kernel), convolution.Channels, channels, convolution.Kernel);
            if (config.HasConvBias)
            {
                blueprint.Add($"{layer}.conv.bias", 0.02, convolution.Channels);
            }

            if (i == 0 || config.HasLayerNormConvolutions)
            {
                blueprint.Norm($"{layer}.layer_norm", convolution.Channels);
            }

            channels = convolution.Channels;
        }

        if (config.HasProjectionNorm)
        {
            blueprint.Norm($"{prefix}feature_projection.layer_norm", channels);
        }

        long hidden = config.Form.HiddenSize;
        blueprint.Linear($"{prefix}feature_projection.projection", hidden, channels);
        string positions = $"{prefix}encoder.pos_conv_embed.conv";
        long perGroup = hidden / config.PositionalGroups;
        blueprint.Add(new SyntheticTensor($"{positions}.weight_g", Checkpoints.TensorElementType.Float32, [1, 1, config.PositionalKernel], 0.05, Math.Sqrt((double)hidden / config.PositionalKernel)));
        blueprint.Add($"{positions}.weight_v", 1 / Math.Sqrt(perGroup * config.PositionalKernel), hidden, perGroup, config.PositionalKernel);
        blueprint.Add($"{positions}.bias", 0.05, hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"{prefix}encoder.layers.{i}";
            foreach (string projection in new[] { "k_proj", "v_proj", "q_proj" })
            {
                blueprint.Linear($"{layer}.attention.{projection}", hidden, hidden);
            }

            blueprint.Linear($"{layer}.attention.out_proj", hidden, hidden, Residual);
            blueprint.Norm($"{layer}.layer_norm", hidden);
            blueprint.Linear($"{layer}.feed_forward.intermediate_dense", config.Form.FeedForwardSize, hidden);
            blueprint.Linear($"{layer}.feed_forward.output_dense", hidden, config.Form.FeedForwardSize);
            blueprint.Norm($"{layer}.final_layer_norm", hidden);
        }

        blueprint.Norm($"{prefix}encoder.layer_norm", hidden);
    }

    /// <summary>Lists ViT's or ViViT's.</summary>
    /// <param name="blueprint">Where to.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="tokens">Patches and the class token.</param>
    /// <param name="patch">A patch's size: rows and columns, for films with the frames in front.</param>
    /// <param name="prefix">In front of every name.</param>
    public static void AddVision(Blueprint blueprint, VisionTransformerConfig config, long tokens, IReadOnlyList<int> patch, string prefix)
    {
        EncoderLayerForm form = config.Form;
        long hidden = form.HiddenSize;
        long[] kernel = [hidden, config.Channels, .. patch.Select(size => (long)size)];
        blueprint.Add($"{prefix}embeddings.cls_token", 0.5, 1, 1, hidden);
        blueprint.Add($"{prefix}embeddings.position_embeddings", 0.3, 1, tokens, hidden);
        blueprint.Add($"{prefix}embeddings.patch_embeddings.projection.weight", 1 / Math.Sqrt(kernel.Skip(1).Aggregate(1.0, (product, size) => product * size)), kernel);
        blueprint.Add($"{prefix}embeddings.patch_embeddings.projection.bias", 0.05, hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"{prefix}encoder.layer.{i}";
            foreach (string projection in new[] { "query", "key", "value" })
            {
                blueprint.Matrix($"{layer}.attention.attention.{projection}.weight", hidden, hidden);
                if (config.HasQkvBias)
                {
                    blueprint.Add($"{layer}.attention.attention.{projection}.bias", 0.05, hidden);
                }
            }

            blueprint.Linear($"{layer}.attention.output.dense", hidden, hidden, Residual);
            blueprint.Linear($"{layer}.intermediate.dense", form.FeedForwardSize, hidden);
            blueprint.Linear($"{layer}.output.dense", hidden, form.FeedForwardSize);
            blueprint.Norm($"{layer}.layernorm_before", hidden);
            blueprint.Norm($"{layer}.layernorm_after", hidden);
        }

        blueprint.Norm($"{prefix}layernorm", hidden);
        blueprint.Linear($"{prefix}pooler.dense", hidden, hidden);
    }
}
