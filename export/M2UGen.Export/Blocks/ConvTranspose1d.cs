using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>A transposed convolution over time whose output has exactly T · stride elements.</summary>
/// <remarks>
/// <code>
/// x [B,in,T] ── ConvTranspose(weight [in,out,k], bias [out]) ── cut left and right ── [B,out,T·stride]
/// </code>
/// The cuts are the operator's pads. Source: transformers modeling_encodec.py, EncodecConvTranspose1d.
/// </remarks>
internal static class ConvTranspose1d
{
    /// <summary>Elements cut from the front and from the end.</summary>
    /// <param name="shape">Kernel and stride.</param>
    /// <param name="trimRightRatio">Of a causal convolution's surplus, the share cut at the end.</param>
    public static (int Left, int Right) Cuts(ConvShape shape, double trimRightRatio)
    {
        int surplus = shape.Kernel - shape.Stride;
        int right = shape.IsCausal ? (int)Math.Ceiling(surplus * trimRightRatio) : surplus / 2;
        return (surplus - right, right);
    }

    /// <summary>Adds the convolution.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/decoder/layers.3</c>.</param>
    /// <param name="x">[B, in, T] float.</param>
    /// <param name="weight">[in, out, kernel].</param>
    /// <param name="bias">[out].</param>
    /// <param name="shape">Kernel and stride.</param>
    /// <param name="trimRightRatio">Of a causal convolution's surplus, the share cut at the end.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, Weight bias, ConvShape shape, double trimRightRatio)
    {
        (int left, int right) = Cuts(shape, trimRightRatio);
        string path = Linear.InitializerPath(name);
        return graph.Op(
            "ConvTranspose",
            $"{name}/ConvTranspose",
            [x, graph.Weight($"{path}.weight", weight), graph.Weight($"{path}.bias", bias)],
            ("kernel_shape", new long[] { shape.Kernel }),
            ("strides", new long[] { shape.Stride }),
            ("pads", new long[] { left, right }));
    }
}
