using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>MERT's part before the transformer: samples to projected frames.</summary>
/// <remarks>
/// <code>
/// input_values [B,n] ── Unsqueeze [B,1,n] ── convolutions × ( Conv(stride) ── norm ── activation ) ── Transpose ── conv_features [B,T,C] ── LayerNorm ── Linear ── projected [B,T,H]
/// norm:  "group": the first convolution's channels, each over time;  "layer": over the channels, behind every convolution
/// </code>
/// Sources: transformers modeling_hubert.py, HubertFeatureEncoder; modeling_MERT.py, MERTFeatureProjection.
/// </remarks>
internal static class MertFeatureExtractor
{
    /// <summary>Adds the convolutions and the projection.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="config">Sizes and forms.</param>
    /// <param name="weights">The encoder's tensors.</param>
    /// <param name="samples">[B, n] float.</param>
    /// <returns>[B, T, H] float.</returns>
    public static Value Emit(GraphBuilder graph, MertConfig config, WeightMap weights, Value samples)
    {
        const string Name = "/feature_projection";
        Value x = graph.Unsqueeze("/feature_extractor/Unsqueeze", samples, 1);
        int channels = 1;
        for (int i = 0; i < config.Convolutions.Count; i++)
        {
            x = EmitConvolution(graph, config, weights, x, i, channels);
            channels = config.Convolutions[i].Channels;
        }

        x = graph.Transpose("/feature_extractor/Transpose", x, 0, 2, 1);
        graph.Tap("conv_features", x, DataType.Float, "batch", "frames", channels);
        if (config.HasProjectionNorm)
        {
            NormWeights norm = Norm(weights, "feature_projection.layer_norm", channels);
            x = LayerNorm.Emit(graph, $"{Name}/layer_norm", x, norm.Weight, norm.Bias, config.Form.Epsilon);
        }

        long hidden = config.Form.HiddenSize;
        x = Linear.Emit(
            graph,
            $"{Name}/projection",
            x,
            weights.Require("feature_projection.projection.weight", hidden, channels),
            weights.Require("feature_projection.projection.bias", hidden));
        graph.Tap("projected", x, DataType.Float, "batch", "frames", hidden);
        return x;
    }

    private static Value EmitConvolution(GraphBuilder graph, MertConfig config, WeightMap weights, Value x, int index, int input)
    {
        MertConvolution conv = config.Convolutions[index];
        string path = $"feature_extractor.conv_layers.{index}";
        string name = $"/feature_extractor/conv_layers.{index}";
        Value kernel = graph.Weight($"{path}.conv.weight", weights.Require($"{path}.conv.weight", conv.Channels, input, conv.Kernel));
        Value[] inputs = config.HasConvBias ? [x, kernel, graph.Weight($"{path}.conv.bias", weights.Require($"{path}.conv.bias", conv.Channels))] : [x, kernel];
        x = graph.Op("Conv", $"{name}/Conv", inputs, ("kernel_shape", new long[] { conv.Kernel }), ("strides", new long[] { conv.Stride }));
        if (config.HasLayerNormConvolutions)
        {
            NormWeights norm = Norm(weights, $"{path}.layer_norm", conv.Channels);
            x = graph.Transpose($"{name}/Transpose", x, 0, 2, 1);
            x = LayerNorm.Emit(graph, $"{name}/layer_norm", x, norm.Weight, norm.Bias);
            x = graph.Transpose($"{name}/Transpose_back", x, 0, 2, 1);
        }
        else if (index == 0)
        {
            x = InstanceNorm.Emit(graph, $"{name}/layer_norm", x, Norm(weights, $"{path}.layer_norm", conv.Channels), LayerNorm.TorchEpsilon);
        }

        return Activations.Emit(graph, $"{name}/act", x, config.ConvActivation);
    }

    private static NormWeights Norm(WeightMap weights, string name, long size) => new(weights.Require($"{name}.weight", size), weights.Require($"{name}.bias", size));
}
