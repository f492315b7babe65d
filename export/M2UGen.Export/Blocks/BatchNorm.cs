using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>torch's batch normalisation as it is used, not trained: y = x · scale + shift with scale = weight / √(running_var + ε), shift = bias - running_mean · scale.</summary>
/// <remarks>Source: arXiv:1502.03167; torch.nn.BatchNorm2d.</remarks>
internal static class BatchNorm
{
    // The default of torch, which no configuration changes.
    private const double Epsilon = 1e-5;

    /// <summary>Scale and shift, [channels] each, from the layer's four tensors.</summary>
    /// <param name="weights">The tensors: <c>weight</c>, <c>bias</c>, <c>running_mean</c>, <c>running_var</c>.</param>
    /// <param name="channels">Channels.</param>
    public static NormWeights Read(WeightMap weights, long channels)
    {
        Weight weight = weights.Require("weight", channels);
        Weight bias = weights.Require("bias", channels);
        Weight mean = weights.Require("running_mean", channels);
        Weight variance = weights.Require("running_var", channels);
        Weight scale = new(weight.Name, [channels], () =>
        {
            float[] gain = weight.Load();
            float[] spread = variance.Load();
            return [.. gain.Select((value, i) => (float)(value / Math.Sqrt(spread[i] + Epsilon)))];
        });
        Weight shift = new(bias.Name, [channels], () =>
        {
            float[] gain = scale.Load();
            float[] centre = mean.Load();
            return [.. bias.Load().Select((value, i) => (float)(value - ((double)centre[i] * gain[i])))];
        });
        return new NormWeights(scale, shift);
    }

    /// <summary>A convolution or linear layer and the normalisation behind it as one layer.</summary>
    /// <param name="layer">[out, ..] and [out].</param>
    /// <param name="norm">[out] and [out].</param>
    public static LinearWeights Fold(LinearWeights layer, NormWeights norm)
    {
        Weight weight = new(layer.Weight.Name, layer.Weight.Shape, () =>
        {
            float[] elements = layer.Weight.Load();
            float[] scale = norm.Weight.Load();
            int row = elements.Length / scale.Length;
            for (int i = 0; i < elements.Length; i++)
            {
                elements[i] *= scale[i / row];
            }

            return elements;
        });
        Weight bias = new($"{layer.Weight.Name}: bias", norm.Bias.Shape, () =>
        {
            float[] shift = norm.Bias.Load();
            if (layer.Bias is { } own)
            {
                float[] scale = norm.Weight.Load();
                float[] before = own.Load();
                for (int i = 0; i < shift.Length; i++)
                {
                    shift[i] += before[i] * scale[i];
                }
            }

            return shift;
        });
        return new LinearWeights(weight, bias);
    }
}
