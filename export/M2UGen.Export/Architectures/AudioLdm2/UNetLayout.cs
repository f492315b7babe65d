using M2UGen.Export.Configs;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>A residual block in the order of computation.</summary>
/// <param name="Module">Its name in the checkpoint: <c>down_blocks.0.resnets.1</c>.</param>
/// <param name="Channels">Channels that come out.</param>
internal readonly record struct UNetResnet(string Module, int Channels);

/// <summary>A cross attention in the order of computation.</summary>
/// <param name="Module">Its name in the checkpoint: <c>down_blocks.1.attentions.1.transformer_blocks.0.attn2</c>.</param>
/// <param name="Path">What it looks at.</param>
/// <param name="Heads">Number of heads.</param>
/// <param name="HeadSize">Width of one.</param>
internal readonly record struct UNetCrossAttention(string Module, UNetPath Path, int Heads, int HeadSize);

/// <summary>What the UNet's three graphs must number alike: residual blocks, whose time projections lie side by side, and cross attentions, whose keys and values cross the graphs' borders.</summary>
internal sealed class UNetLayout
{
    private readonly List<UNetResnet> _resnets = [];
    private readonly List<UNetCrossAttention> _crossAttentions = [];

    /// <summary>Lists a model's parts.</summary>
    public UNetLayout(UNetConfig config)
    {
        for (int i = 0; i < config.Down.Count; i++)
        {
            Add($"down_blocks.{i}", config.Down[i]);
        }

        _resnets.Add(new UNetResnet("mid_block.resnets.0", config.Middle.Channels));
        AddPaths("mid_block", config.Middle, 0);
        _resnets.Add(new UNetResnet("mid_block.resnets.1", config.Middle.Channels));
        for (int i = 0; i < config.Up.Count; i++)
        {
            Add($"up_blocks.{i}", config.Up[i]);
        }
    }

    /// <summary>All residual blocks.</summary>
    public IReadOnlyList<UNetResnet> Resnets => _resnets;

    /// <summary>All attentions to conditions.</summary>
    public IReadOnlyList<UNetCrossAttention> CrossAttentions => _crossAttentions;

    /// <summary>Width of the time projections side by side.</summary>
    public int TimeProjectionWidth => _resnets.Sum(resnet => resnet.Channels);

    /// <summary>A residual block's place.</summary>
    public int IndexOfResnet(string module) => _resnets.FindIndex(resnet => resnet.Module == module);

    /// <summary>A cross attention's place.</summary>
    public int IndexOfCrossAttention(string module) => _crossAttentions.FindIndex(attention => attention.Module == module);

    private void Add(string module, UNetBlockConfig block)
    {
        for (int layer = 0; layer < block.Layers; layer++)
        {
            _resnets.Add(new UNetResnet($"{module}.resnets.{layer}", block.Channels));
            AddPaths(module, block, layer);
        }
    }

    private void AddPaths(string module, UNetBlockConfig block, int layer)
    {
        for (int path = 0; path < block.Paths.Count; path++)
        {
            for (int depth = 0; depth < block.TransformerLayers && block.Paths[path].Source != UNetAttentionSource.Self; depth++)
            {
                string attention = $"{module}.attentions.{(layer * block.Paths.Count) + path}.transformer_blocks.{depth}.attn2";
                _crossAttentions.Add(new UNetCrossAttention(attention, block.Paths[path], block.Heads, block.HeadSize));
            }
        }
    }
}
