using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>How wide a convolution over time looks, and how its surplus is shared by the two sides.</summary>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Step between outputs (of a transposed convolution: between inputs).</param>
/// <param name="Dilation">Step between taps.</param>
/// <param name="IsCausal">Whether all of the padding lies in front.</param>
internal readonly record struct ConvShape(int Kernel, int Stride = 1, int Dilation = 1, bool IsCausal = false)
{
    /// <summary>Elements from the first tap to the last.</summary>
    public int Span => ((Kernel - 1) * Dilation) + 1;

    /// <summary>Elements added behind, apart from what fills up the last stride.</summary>
    public int Right => IsCausal ? 0 : (Span - Stride) / 2;

    /// <summary>Elements added in front.</summary>
    public int Left => Span - Stride - Right;
}

/// <summary>A convolution over time whose output has ceil(T / stride) elements.</summary>
/// <remarks>
/// <code>
/// x [B,in,T] ── Pad(left, right + what fills the last stride) ── Conv(weight [out,in,k], bias [out]) ── [B,out,ceil(T/stride)]
/// </code>
/// Source: transformers modeling_encodec.py, EncodecConv1d. The codec stays in float32 at every precision: it takes a small part of the time, and convolutions gain nothing from narrower weights on a CPU.
/// </remarks>
internal static class Conv1d
{
    /// <summary>Adds the convolution.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/layers.0</c>.</param>
    /// <param name="x">[B, in, T] float.</param>
    /// <param name="weight">[out, in, kernel].</param>
    /// <param name="bias">[out].</param>
    /// <param name="shape">Kernel, stride, dilation.</param>
    /// <param name="padMode">reflect, edge or constant.</param>
    /// <param name="shortest">The smallest T that can occur.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, Weight bias, ConvShape shape, string padMode, long shortest)
    {
        Value extra = Value.None;
        if (shape.Stride > 1)
        {
            // -T modulo stride, never negative: ONNX's Mod takes the divisor's sign.
            Value length = graph.Dimension($"{name}/samples", x, 2);
            extra = graph.Op("Mod", $"{name}/fill", [graph.Op("Neg", $"{name}/minus_samples", [length]), graph.Int64s(shape.Stride)]);
        }

        // Zeros are the operator's own padding. As a node of its own the runtime would fold them in, and gets lost where an inner stage is tapped in front of it.
        bool isZeroPadded = padMode == "constant" && extra.IsNone;
        Value padded = isZeroPadded ? x : Pad1d.Emit(graph, name, x, shape.Left, shape.Right, padMode, shortest, extra, shape.Stride - 1);
        string path = Linear.InitializerPath(name);
        NodeAttribute[] attributes =
        [
            ("kernel_shape", new long[] { shape.Kernel }),
            ("strides", new long[] { shape.Stride }),
            ("dilations", new long[] { shape.Dilation }),
        ];
        return graph.Op(
            "Conv",
            $"{name}/Conv",
            [padded, graph.Weight($"{path}.weight", weight), graph.Weight($"{path}.bias", bias)],
            isZeroPadded ? [.. attributes, ("pads", new long[] { shape.Left, shape.Right })] : attributes);
    }
}
