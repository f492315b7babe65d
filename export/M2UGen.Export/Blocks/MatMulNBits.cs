using M2UGen.Export.Graph;
using M2UGen.Export.Quantization;

namespace M2UGen.Export.Blocks;

/// <summary>A fully connected layer whose matrix is stored in blocks of 4 or 8 bits.</summary>
/// <remarks>
/// <code>
/// x [.., in] ── MatMulNBits(codes [out, blocks, bytes], scales [out, blocks], zero points, bias [out]) ── y [.., out]
/// </code>
/// At accuracy level 4 the operator rounds x to 8 bits, block by block, and adds up whole numbers: that adds little to the error of the weights, and level 0
/// is several times slower for two rows or more.
/// </remarks>
internal static class MatMulNBits
{
    /// <summary>What the sums are taken in: 4 is 8-bit integers.</summary>
    public const int AccuracyLevel = 4;

    /// <summary>Adds the layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path of the layer, for example <c>/layers.0/attention/wo</c>.</param>
    /// <param name="x">[.., in] float.</param>
    /// <param name="weight">[out, in], as torch stores it.</param>
    /// <param name="format">How it is stored.</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="accuracyLevel">As the operator's attribute: 0 and 1 are float32.</param>
    /// <returns>[.., out] float.</returns>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, BlockFormat format, Weight? bias, int accuracyLevel = AccuracyLevel)
    {
        string path = Linear.InitializerPath(name);
        QuantizedWeight quantized = new(weight, format);
        Value codes = graph.Initializer($"{path}.weight.codes", quantized.Codes);
        Value scales = graph.Initializer($"{path}.weight.scales", quantized.Scales);
        Value zeroPoints = quantized.ZeroPoints is { } points ? graph.Initializer($"{path}.weight.zero_points", points) : Value.None;
        Value[] inputs = bias is not null ? [x, codes, scales, zeroPoints, Value.None, graph.Weight($"{path}.bias", bias)]
            : zeroPoints.IsNone ? [x, codes, scales]
            : [x, codes, scales, zeroPoints];
        return graph.MicrosoftOp(
            "MatMulNBits",
            $"{name}/MatMulNBits",
            inputs,
            ("K", weight.Shape[1]),
            ("N", weight.Shape[0]),
            ("bits", format.Bits),
            ("block_size", format.BlockSize),
            ("accuracy_level", accuracyLevel));
    }
}
