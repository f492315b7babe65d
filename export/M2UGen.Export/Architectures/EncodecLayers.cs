using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The layers that EnCodec's encoder and decoder share, with their weights and node names.</summary>
/// <remarks>Sources: arXiv:2210.13438; transformers modeling_encodec.py.</remarks>
/// <param name="graph">The graph.</param>
/// <param name="config">Sizes.</param>
/// <param name="weights">The tensors below <c>encoder.</c> or <c>decoder.</c>.</param>
/// <param name="root">Node path of that half: <c>/encoder</c> or <c>/decoder</c>.</param>
internal sealed class EncodecLayers(GraphBuilder graph, EncodecConfig config, WeightMap weights, string root)
{
    /// <summary>Geometry of an ordinary convolution.</summary>
    public ConvShape Shape(int kernel, int stride = 1, int dilation = 1) => new(kernel, stride, dilation, config.IsCausal);

    /// <summary>A convolution with its padding. Weight norm, where there is any, runs over the output channels.</summary>
    /// <param name="layer">Path below the half, with dots: <c>layers.0</c>, <c>layers.1.block.3</c>.</param>
    /// <param name="x">[B, in, T] float.</param>
    /// <param name="input">Channels in.</param>
    /// <param name="output">Channels out.</param>
    /// <param name="shape">Kernel, stride, dilation.</param>
    /// <param name="shortest">The smallest T that can occur.</param>
    public Value Conv(string layer, Value x, int input, int output, ConvShape shape, long shortest)
        => Conv1d.Emit(graph, $"{root}/{layer}", x, Kernel(layer, output, input, shape.Kernel), Bias(layer, output), shape, config.PadMode, shortest);

    /// <summary>A transposed convolution with its cuts. Its weight norm runs over the first dimension too, which is the input channels.</summary>
    /// <param name="layer">Path below the half.</param>
    /// <param name="x">[B, in, T] float.</param>
    /// <param name="input">Channels in.</param>
    /// <param name="output">Channels out.</param>
    /// <param name="ratio">The stride; the kernel is twice as long.</param>
    public Value ConvTranspose(string layer, Value x, int input, int output, int ratio)
        => ConvTranspose1d.Emit(graph, $"{root}/{layer}", x, Kernel(layer, input, output, 2 * ratio), Bias(layer, output), Shape(2 * ratio, ratio), config.TrimRightRatio);

    /// <summary>The exponential linear unit.</summary>
    public Value Elu(string layer, Value x) => graph.Op("Elu", $"{root}/{layer}/Elu", [x], ("alpha", 1f));

    /// <summary>A residual block.</summary>
    /// <remarks>
    /// <code>
    /// x ─┬─ Elu ── Conv(residual kernel, dilation) ── Elu ── Conv(1) ── + ── y
    ///    └────────────── identity, or Conv(1) ──────────────────────────┘
    /// </code>
    /// </remarks>
    public Value Residual(string layer, Value x, int channels, int dilation, long shortest)
    {
        int inner = channels / config.Compress;
        Value y = Elu($"{layer}.block.0", x);
        y = Conv($"{layer}.block.1", y, channels, inner, Shape(config.ResidualKernelSize, dilation: dilation), shortest);
        y = Elu($"{layer}.block.2", y);
        y = Conv($"{layer}.block.3", y, inner, channels, Shape(1), shortest);
        Value bypass = config.HasConvShortcut ? Conv($"{layer}.shortcut", x, channels, channels, Shape(1), shortest) : x;
        return graph.Add($"{root}/{layer}/Add", bypass, y);
    }

    /// <summary>The LSTM layers with their bypass, over [T, B, D].</summary>
    /// <param name="layer">Path below the half.</param>
    /// <param name="x">[T, B, D] float.</param>
    /// <param name="hidden">h [layers, B, D]; absent for zeros.</param>
    /// <param name="cell">c [layers, B, D]; absent for zeros.</param>
    public (Value Y, Value Hidden, Value Cell) RunLstm(string layer, Value x, Value hidden = default, Value cell = default)
    {
        long size = config.LstmSize;
        LstmWeights[] layers = new LstmWeights[config.LstmLayers];
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i] = new LstmWeights(
                Get($"weight_ih_l{i}", 4 * size, size),
                Get($"weight_hh_l{i}", 4 * size, size),
                Get($"bias_ih_l{i}", 4 * size),
                Get($"bias_hh_l{i}", 4 * size));
        }

        return Lstm.Emit(graph, $"{root}/{layer}/lstm", x, layers, config.LstmSize, hidden, cell);

        Weight Get(string tensor, params ReadOnlySpan<long> shape) => Weight.From(weights.Get($"{layer}.lstm.{tensor}", shape));
    }

    private Weight Kernel(string layer, long first, long second, long kernel)
    {
        string conv = $"{layer}.conv";
        return Weight.From(config.HasWeightNorm
            ? WeightNorm.Get(weights, conv, normDim: 0, [first, second, kernel])
            : weights.Get($"{conv}.weight", first, second, kernel));
    }

    private Weight Bias(string layer, long output) => Weight.From(weights.Get($"{layer}.conv.bias", output));
}
