using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>One layer's tensors of a torch <c>nn.LSTM</c>, gates in torch's order: input, forget, cell, output.</summary>
/// <param name="InputHidden">weight_ih [4·D, in].</param>
/// <param name="HiddenHidden">weight_hh [4·D, D].</param>
/// <param name="InputBias">bias_ih [4·D].</param>
/// <param name="HiddenBias">bias_hh [4·D].</param>
internal sealed record LstmWeights(Weight InputHidden, Weight HiddenHidden, Weight InputBias, Weight HiddenBias);

/// <summary>LSTM layers, one above the other, with a bypass around all of them; states enter and leave, so that a sequence can come in pieces.</summary>
/// <remarks>
/// <code>
/// x [T,B,D] ─┬─ LSTM 0 ── LSTM 1 ── … ── + ── y [T,B,D]
///            └────────────────────────────┘
/// h, c [layers,B,D] in (or zeros), h, c out
/// </code>
/// Source: transformers modeling_encodec.py, EncodecLSTM.
/// </remarks>
internal static class Lstm
{
    /// <summary>Adds the layers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/decoder/layers.1/lstm</c>.</param>
    /// <param name="x">[T, B, D] float.</param>
    /// <param name="layers">The layers' tensors.</param>
    /// <param name="size">D.</param>
    /// <param name="hidden">h [layers, B, D]; absent for zeros.</param>
    /// <param name="cell">c [layers, B, D]; absent for zeros.</param>
    /// <returns>y [T, B, D] and the states after the last step.</returns>
    public static (Value Y, Value Hidden, Value Cell) Emit(
        GraphBuilder graph,
        string name,
        Value x,
        IReadOnlyList<LstmWeights> layers,
        int size,
        Value hidden = default,
        Value cell = default)
    {
        string path = Linear.InitializerPath(name);
        Value y = x;
        Value[] hiddens = new Value[layers.Count];
        Value[] cells = new Value[layers.Count];
        for (int i = 0; i < layers.Count; i++)
        {
            LstmWeights layer = layers[i];
            Value bias = graph.Weight($"{path}.bias_l{i}", Weight.Stack(layer.InputBias.Name, InOnnxOrder(layer.InputBias, size), InOnnxOrder(layer.HiddenBias, size)).Reshaped(1, 8L * size));
            Value[] outputs = graph.Ops(
                "LSTM",
                $"{name}/layer{i}/LSTM",
                3,
                [
                    y,
                    graph.Weight($"{path}.weight_ih_l{i}", InOnnxOrder(layer.InputHidden, size).Reshaped(1, 4L * size, size)),
                    graph.Weight($"{path}.weight_hh_l{i}", InOnnxOrder(layer.HiddenHidden, size).Reshaped(1, 4L * size, size)),
                    bias,
                    Value.None,
                    hidden.IsNone ? Value.None : graph.Slice($"{name}/layer{i}/h", hidden, i, i + 1, axis: 0),
                    cell.IsNone ? Value.None : graph.Slice($"{name}/layer{i}/c", cell, i, i + 1, axis: 0),
                ],
                ("hidden_size", size));

            // Y is [T, directions = 1, B, D].
            y = graph.Squeeze($"{name}/layer{i}/Squeeze", outputs[0], 1);
            hiddens[i] = outputs[1];
            cells[i] = outputs[2];
        }

        return (
            graph.Add($"{name}/Add", x, y),
            graph.Concat($"{name}/h_out", 0, hiddens),
            graph.Concat($"{name}/c_out", 0, cells));
    }

    /// <summary>Gates from torch's order (input, forget, cell, output) to ONNX's (input, output, forget, cell).</summary>
    private static Weight InOnnxOrder(Weight weight, int size) => new(weight.Name, weight.Shape, () =>
    {
        float[] source = weight.Load();
        int gate = source.Length / 4;
        float[] target = new float[source.Length];
        ReadOnlySpan<int> order = [0, 3, 1, 2];
        for (int i = 0; i < order.Length; i++)
        {
            source.AsSpan(order[i] * gate, gate).CopyTo(target.AsSpan(i * gate));
        }

        return target;
    });
}
