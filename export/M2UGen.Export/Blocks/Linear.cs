using M2UGen.Export.Graph;
using M2UGen.Sdk;

namespace M2UGen.Export.Blocks;

/// <summary>A fully connected layer: y = x Wᵀ + b. Every matrix of every model passes here, so this is the one place that decides how matrices are stored.</summary>
/// <remarks>
/// <code>
/// x [.., in] ── MatMul(Wᵀ [in, out]) ── Add(b [out]) ── y [.., out]       float32, float16
/// x [.., in] ── MatMulNBits(W in blocks, b) ── y [.., out]                int8, int4
/// </code>
/// torch stores W as [out, in]; ONNX's MatMul wants [in, out], so the transpose is taken once, while saving. Which form it is says <see cref="PrecisionPolicy"/>.
/// </remarks>
internal static class Linear
{
    /// <summary>Adds the layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path of the layer, for example <c>/layers.0/attention/wo</c>.</param>
    /// <param name="x">[.., in] float.</param>
    /// <param name="weight">[out, in], as torch stores it.</param>
    /// <param name="bias">[out], or null where the layer has none.</param>
    /// <param name="role">Whether the layer gives the logits.</param>
    /// <returns>[.., out] float.</returns>
    /// <exception cref="InvalidOperationException">The bias does not have one element per row of the weight.</exception>
    /// <exception cref="ExportException">The layer cannot be stored as the caller asks.</exception>
    public static Value Emit(GraphBuilder graph, string name, Value x, Weight weight, Weight? bias = null, MatrixRole role = MatrixRole.Layer)
    {
        if (weight.Shape.Count != 2 || (bias is not null && (bias.Shape.Count != 1 || bias.Shape[0] != weight.Shape[0])))
        {
            string found = bias is null ? "no bias" : $"a bias of shape [{string.Join(", ", bias.Shape)}]";
            throw new InvalidOperationException($"Linear layer '{name}' has a weight of shape [{string.Join(", ", weight.Shape)}] and {found}; expected [out, in] and [out].");
        }

        Precision precision = graph.ChoosePrecision(name, role);

        // Logits decide between neighbours, so they are not rounded to 16 bits unless somebody asks for it.
        using IDisposable? float32 = precision == Precision.Float32 || (role == MatrixRole.Head && precision != Precision.Float16) ? graph.KeepFloat32() : null;
        if (precision is Precision.Int4 or Precision.Int8)
        {
            return MatMulNBits.Emit(graph, name, x, weight, graph.Options.Precision.FormatOf(precision), bias);
        }

        string path = InitializerPath(name);
        Value y = graph.MatMul($"{name}/MatMul", x, graph.Weight($"{path}.weight", weight.Transposed()));
        return bias is null ? y : graph.Add($"{name}/Add", y, graph.Weight($"{path}.bias", bias));
    }

    /// <summary>The name under which a node's weights are stored: <c>/layers.0/attention/wo</c> gives <c>layers.0.attention.wo</c>, as checkpoints spell it.</summary>
    internal static string InitializerPath(string nodeName) => nodeName.Trim('/').Replace('/', '.');
}
