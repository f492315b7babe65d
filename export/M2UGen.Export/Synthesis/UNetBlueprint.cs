using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>The tensors of an AudioLDM2UNet2DConditionModel as diffusers 0.21 names them.</summary>
internal static class UNetBlueprint
{
    // Source: attention.py; not in the configuration.
    private const int FeedForwardFactor = 4;

    /// <summary>Lists them.</summary>
    public static void AddTo(Blueprint blueprint, UNetConfig config)
    {
        int finest = config.Down[0].Channels;
        DiffusionBlueprints.Conv(blueprint, "conv_in", finest, config.InChannels, config.ConvInKernel);
        blueprint.Linear("time_embedding.linear_1", config.TimeWidth, config.TimeChannels);
        blueprint.Linear("time_embedding.linear_2", config.TimeWidth, config.TimeWidth, DiffusionBlueprints.Silu);
        AddDown(blueprint, config);
        AddMiddle(blueprint, config);
        AddUp(blueprint, config);
        blueprint.Norm("conv_norm_out", finest);
        DiffusionBlueprints.Conv(blueprint, "conv_out", config.OutChannels, finest, config.ConvOutKernel, DiffusionBlueprints.Silu);
    }

    private static void AddDown(Blueprint blueprint, UNetConfig config)
    {
        long width = config.Down[0].Channels;
        for (int i = 0; i < config.Down.Count; i++)
        {
            UNetBlockConfig block = config.Down[i];
            for (int layer = 0; layer < block.Layers; layer++)
            {
                DiffusionBlueprints.Resnet(blueprint, $"down_blocks.{i}.resnets.{layer}", width, block.Channels, config.TimeWidth);
                AddTransformers(blueprint, config, $"down_blocks.{i}", block, layer);
                width = block.Channels;
            }

            if (i + 1 < config.Down.Count)
            {
                DiffusionBlueprints.Conv(blueprint, $"down_blocks.{i}.downsamplers.0.conv", width, width, 3);
            }
        }
    }

    private static void AddMiddle(Blueprint blueprint, UNetConfig config)
    {
        UNetBlockConfig block = config.Middle;
        DiffusionBlueprints.Resnet(blueprint, "mid_block.resnets.0", block.Channels, block.Channels, config.TimeWidth);
        for (int layer = 0; layer < block.Layers; layer++)
        {
            AddTransformers(blueprint, config, "mid_block", block, layer);
            DiffusionBlueprints.Resnet(blueprint, $"mid_block.resnets.{layer + 1}", block.Channels, block.Channels, config.TimeWidth);
        }
    }

    private static void AddUp(Blueprint blueprint, UNetConfig config)
    {
        long width = config.Middle.Channels;
        for (int i = 0; i < config.Up.Count; i++)
        {
            UNetBlockConfig block = config.Up[i];

            // What the way down left at this resolution; the last of it came from the resolution above.
            long above = config.Up[Math.Min(i + 1, config.Up.Count - 1)].Channels;
            for (int layer = 0; layer < block.Layers; layer++)
            {
                long skipped = layer + 1 == block.Layers ? above : block.Channels;
                DiffusionBlueprints.Resnet(blueprint, $"up_blocks.{i}.resnets.{layer}", width + skipped, block.Channels, config.TimeWidth);
                AddTransformers(blueprint, config, $"up_blocks.{i}", block, layer);
                width = block.Channels;
            }

            if (i + 1 < config.Up.Count)
            {
                DiffusionBlueprints.Conv(blueprint, $"up_blocks.{i}.upsamplers.0.conv", width, width, 3);
            }
        }
    }

    private static void AddTransformers(Blueprint blueprint, UNetConfig config, string module, UNetBlockConfig block, int layer)
    {
        for (int path = 0; path < block.Paths.Count; path++)
        {
            string name = $"{module}.attentions.{(layer * block.Paths.Count) + path}";
            blueprint.Norm($"{name}.norm", block.Channels);
            AddProjection(blueprint, config, $"{name}.proj_in", block.InnerWidth, block.Channels, 1);
            for (int i = 0; i < block.TransformerLayers; i++)
            {
                AddLayer(blueprint, $"{name}.transformer_blocks.{i}", block.InnerWidth, block.Paths[path]);
            }

            AddProjection(blueprint, config, $"{name}.proj_out", block.Channels, block.InnerWidth, 0.5);
        }
    }

    private static void AddProjection(Blueprint blueprint, UNetConfig config, string name, long outputs, long inputs, double gain)
    {
        if (config.HasLinearProjection)
        {
            blueprint.Linear(name, outputs, inputs, gain);
        }
        else
        {
            DiffusionBlueprints.Conv(blueprint, name, outputs, inputs, 1, gain);
        }
    }

    private static void AddLayer(Blueprint blueprint, string name, long width, UNetPath path)
    {
        AddAttention(blueprint, $"{name}.attn1", width, width);
        AddAttention(blueprint, $"{name}.attn2", width, path.Source == UNetAttentionSource.Self ? width : path.Width);
        blueprint.Linear($"{name}.ff.net.0.proj", 2 * FeedForwardFactor * width, width);
        blueprint.Linear($"{name}.ff.net.2", width, FeedForwardFactor * width);
        for (int norm = 1; norm <= 3; norm++)
        {
            blueprint.Norm($"{name}.norm{norm}", width);
        }
    }

    private static void AddAttention(Blueprint blueprint, string name, long width, long source)
    {
        blueprint.Matrix($"{name}.to_q.weight", width, width);
        blueprint.Matrix($"{name}.to_k.weight", width, source);
        blueprint.Matrix($"{name}.to_v.weight", width, source);
        blueprint.Linear($"{name}.to_out.0", width, width, DiffusionBlueprints.Residual);
    }
}
