using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>A convolution over two dimensions with zeros around them: torch's <c>nn.Conv2d</c>.</summary>
internal static class Conv2d
{
    /// <summary>Adds the convolution.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/down_blocks.0/resnets.0/conv1</c>.</param>
    /// <param name="x">[B, in, Y, X] float.</param>
    /// <param name="weights">[out, in, kernel, kernel] and [out].</param>
    /// <param name="pads">Rows above, columns before, rows below, columns behind.</param>
    /// <param name="stride">Step between outputs.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, LinearWeights weights, long[] pads, long stride = 1)
    {
        string path = Linear.InitializerPath(name);
        Value kernel = graph.Weight($"{path}.weight", weights.Weight);
        return graph.Op(
            "Conv",
            $"{name}/Conv",
            weights.Bias is { } bias ? [x, kernel, graph.Weight($"{path}.bias", bias)] : [x, kernel],
            ("kernel_shape", weights.Weight.Shape.Skip(2).ToArray()),
            ("strides", new long[] { stride, stride }),
            ("pads", pads));
    }

    /// <summary>Adds a convolution that keeps height and width; the kernel is odd.</summary>
    public static Value EmitSame(GraphBuilder graph, string name, Value x, LinearWeights weights)
    {
        long padding = (weights.Weight.Shape[2] - 1) / 2;
        return Emit(graph, name, x, weights, [padding, padding, padding, padding]);
    }

    /// <summary>The weights of a layer.</summary>
    /// <param name="weights">The checkpoint's tensors below the layer's parent.</param>
    /// <param name="layer">The layer's name: <c>conv1</c>.</param>
    /// <param name="output">Channels out.</param>
    /// <param name="input">Channels in.</param>
    /// <param name="kernel">Rows and columns of the kernel.</param>
    public static LinearWeights Read(Checkpoints.WeightMap weights, string layer, long output, long input, long kernel)
        => new(weights.Require($"{layer}.weight", output, input, kernel, kernel), weights.Require($"{layer}.bias", output));
}
