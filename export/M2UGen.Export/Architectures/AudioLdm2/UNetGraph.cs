using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>AudioLDM2's UNet: one evaluation of the noise in the latents. Component <c>unet</c>.</summary>
/// <remarks>
/// <code>
/// sample [b,c,Y,X] ── conv_in ── down ── … ── down ── middle ── up ── … ── up ── norm ── act ── conv_out ── out_sample [B,c,Y,X]
///                              │         skips, last in first out       │
///                              └─────────────── Concat ─────────────────┘
/// time_projections [1, …]: a row of component unet-time      cross_key_values.i.*, cross_attention_bias [B, …]: component unet-condition
/// </code>
/// B is b, or a multiple of it: then the conditions' first b rows are those of the negative prompts and the samples are repeated (classifier-free guidance).
/// What comes before the first cross attention does not depend on the conditions and is computed once for all repetitions.
/// Source: arXiv:2308.05734; diffusers 0.21.4 modeling_audioldm2.py, AudioLDM2UNet2DConditionModel.
/// </remarks>
internal sealed class UNetGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "unet";

    private readonly GraphBuilder _graph;
    private readonly UNetConfig _config;
    private readonly WeightMap _weights;
    private readonly UNetLayout _layout;
    private readonly Value[] _times;
    private readonly UNetTransformers _transformers;
    private readonly UNetRepetition _repetition;
    private readonly UNetCost _cost;
    private readonly Stack<(Value Value, long Channels, bool IsRepeated)> _skips = new();

    private UNetGraph(GraphBuilder graph, UNetConfig config, WeightMap weights, Value sample)
    {
        _graph = graph;
        _config = config;
        _weights = weights;
        _layout = new UNetLayout(config);
        _times = SplitTimes();
        _repetition = new UNetRepetition(graph, sample);
        _cost = new UNetCost(config.Down.Count);
        _transformers = new UNetTransformers(graph, config, weights, _layout, _repetition, _cost);
    }

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The UNet's tensors.</param>
    /// <param name="options">
    /// Taps: <c>conv_in</c>, <c>conv_norm_out</c>; <c>{block}</c>, <c>{block}.resnet{j}</c>, <c>{block}.attention{j}</c> for the blocks <c>down{i}</c>, <c>mid</c>, <c>up{i}</c>, each [B,C,Y,X];
    /// inside a transformer <c>{block}.attention{j}.norm</c>, <c>.proj_in</c> [B,C,Y,X], and before they are added <c>.attn1</c>, <c>.attn2</c>, <c>.ff</c> [B,Y·X,C]
    /// (of layer n, where there are several, <c>.block{n}.attn1</c>). Stages before the first cross attention have b rows.
    /// </param>
    public static BundlePart Create(UNetConfig config, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        Value sample = graph.Input("sample", DataType.Float, "samples", config.InChannels, "height", "width");
        UNetGraph unet = new(graph, config, weights, sample);
        unet.Emit(sample);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["in_channels"] = config.InChannels,
            ["out_channels"] = config.OutChannels,
            ["cost"] = unet._cost.ToJson(),
        });
    }

    private void Emit(Value sample)
    {
        long channels = _config.Down[0].Channels;
        Value x = Conv2d.EmitSame(_graph, "/conv_in", sample, Conv2d.Read(_weights, "conv_in", channels, _config.InChannels, _config.ConvInKernel));
        _cost.AddConvolution(0, _repetition.IsDone, channels, _config.InChannels, _config.ConvInKernel);
        Tap("conv_in", x, channels);
        Push(x, channels);
        for (int i = 0; i < _config.Down.Count; i++)
        {
            (x, channels) = Down(i, x, channels);
        }

        x = Middle(x, channels);
        for (int i = 0; i < _config.Up.Count; i++)
        {
            (x, channels) = Up(i, x, channels);
        }

        x = ResnetBlock.NormalizeAndActivate(_graph, "/conv_norm_out", x, GroupNorm.Read(_weights, "conv_norm_out", channels), _config.Form, VaeDecoderGraph.NormTap(_graph, x, "conv_norm_out", channels));
        x = Conv2d.EmitSame(_graph, "/conv_out", x, Conv2d.Read(_weights, "conv_out", _config.OutChannels, channels, _config.ConvOutKernel));
        _cost.AddConvolution(0, _repetition.IsDone, _config.OutChannels, channels, _config.ConvOutKernel);
        _graph.Output("out_sample", x, DataType.Float, "batch", _config.OutChannels, "height", "width");
    }

    /// <summary>resnet ── paths ── resnet ── paths ── … ── conv of stride 2 (the coarsest without); every result is kept for the way up.</summary>
    private (Value X, long Channels) Down(int index, Value x, long channels)
    {
        UNetBlockConfig block = _config.Down[index];
        string module = $"down_blocks.{index}";
        for (int layer = 0; layer < block.Layers; layer++)
        {
            x = Resnet(module, $"down{index}", layer, index, x, channels, block.Channels);
            channels = block.Channels;
            x = _transformers.Emit(module, $"down{index}", block, layer, index, x);
            Push(x, channels);
        }

        if (index < _config.Down.Count - 1)
        {
            x = Conv2d.Emit(_graph, $"/{module}/downsamplers.0/conv", x, Conv2d.Read(_weights, $"{module}.downsamplers.0.conv", channels, channels, 3), [1, 1, 1, 1], stride: 2);
            _cost.AddConvolution(index + 1, _repetition.IsDone, channels, channels, 3);
            Push(x, channels);
        }

        Tap($"down{index}", x, channels);
        return (x, channels);
    }

    private Value Middle(Value x, long channels)
    {
        int level = _config.Down.Count - 1;
        x = Resnet("mid_block", "mid", 0, level, x, channels, channels);
        x = _transformers.Emit("mid_block", "mid", _config.Middle, 0, level, x);
        x = Resnet("mid_block", "mid", 1, level, x, channels, channels);
        Tap("mid", x, channels);
        return x;
    }

    /// <summary>(Concat with a skip ── resnet ── paths) × layers ── nearest × 2 to the next skip's size ── conv (the finest without).</summary>
    private (Value X, long Channels) Up(int index, Value x, long channels)
    {
        UNetBlockConfig block = _config.Up[index];
        string module = $"up_blocks.{index}";
        int level = _config.Up.Count - 1 - index;
        for (int layer = 0; layer < block.Layers; layer++)
        {
            (Value skip, long skipChannels, bool isRepeated) = _skips.Pop();
            Value joined = _graph.Concat($"/{module}/Concat_{layer}", 1, x, isRepeated == _repetition.IsDone ? skip : _repetition.Repeat($"/{module}/skip_{layer}", skip, rank: 4));
            x = Resnet(module, $"up{index}", layer, level, joined, channels + skipChannels, block.Channels);
            channels = block.Channels;
            x = _transformers.Emit(module, $"up{index}", block, layer, level, x);
        }

        if (index < _config.Up.Count - 1)
        {
            string path = $"/{module}/upsamplers.0";
            x = NearestUpsample.Emit(_graph, path, x, _skips.Peek().Value);
            x = Conv2d.EmitSame(_graph, $"{path}/conv", x, Conv2d.Read(_weights, $"{module}.upsamplers.0.conv", channels, channels, 3));
            _cost.AddConvolution(level - 1, _repetition.IsDone, channels, channels, 3);
        }

        Tap($"up{index}", x, channels);
        return (x, channels);
    }

    private Value Resnet(string module, string tap, int index, int level, Value x, long input, long output)
    {
        string name = $"{module}.resnets.{index}";
        x = ResnetBlock.Emit(_graph, $"/{module}/resnets.{index}", x, _weights.Under($"{name}."), input, output, _config.Form, _times[_layout.IndexOfResnet(name)]);
        _cost.AddConvolution(level, _repetition.IsDone, output, input, 3);
        _cost.AddConvolution(level, _repetition.IsDone, output, output, 3);
        if (input != output)
        {
            _cost.AddConvolution(level, _repetition.IsDone, output, input, 1);
        }

        Tap($"{tap}.resnet{index}", x, output);
        return x;
    }

    /// <summary>The row of time projections, cut into [1, C, 1, 1] a residual block.</summary>
    private Value[] SplitTimes()
    {
        const string Name = "/time_projections";
        Value row = _graph.Input("time_projections", DataType.Float, 1, _layout.TimeProjectionWidth);
        long[] sizes = [.. _layout.Resnets.Select(resnet => (long)resnet.Channels)];
        Value[] parts = _graph.Ops("Split", $"{Name}/Split", sizes.Length, [_graph.Reshape($"{Name}/Reshape", row, 1, -1, 1, 1), _graph.Int64s(sizes)], ("axis", 1));
        return parts;
    }

    private void Push(Value x, long channels) => _skips.Push((x, channels, _repetition.IsDone));

    private void Tap(string name, Value value, long channels) => _graph.Tap(name, value, DataType.Float, $"{name}_batch", channels, $"{name}_height", $"{name}_width");
}
