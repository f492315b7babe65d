using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>How many floating-point operations an encoder needs: two for every multiply-add of convolutions, linear layers and attention; norms and activations are left out.</summary>
/// <remarks>Sizes come from the component's configuration in the bundle; a bundle that an earlier version exported does not say them all, and has no count.</remarks>
internal sealed class EncoderWork(BundleComponent component)
{
    private readonly JsonObject _config = component.Config;

    /// <summary>One run of MERT over a window.</summary>
    /// <returns>Null where the bundle does not say enough.</returns>
    public double? OfWindow(int samples)
    {
        if (Numbers("conv_kernel") is not { } kernels || Numbers("conv_stride") is not { } strides || Numbers("conv_channels") is not { } channels
            || Number("hidden_size") is not { } hidden || Number("positional_kernel") is not { } positional || Number("positional_groups") is not { } groups)
        {
            return null;
        }

        double flops = 0;
        double length = samples;
        double from = 1;
        for (int i = 0; i < kernels.Length; i++)
        {
            length = Math.Floor((length - kernels[i]) / strides[i]) + 1;
            flops += 2 * length * channels[i] * from * kernels[i];
            from = channels[i];
        }

        flops += 2 * length * from * hidden;
        flops += 2 * length * hidden * (hidden / groups) * positional;
        return flops + Transformer(length);
    }

    /// <summary>One run of ViT over a picture, or of ViViT over its frames.</summary>
    /// <returns>Null where the bundle does not say enough.</returns>
    public double? OfPixels()
    {
        double frames = Number("frames") ?? 1;
        return Number("image_size") is { } size && Number("channels") is { } channels && Number("hidden_size") is { } hidden && Number("tokens") is { } tokens
            ? (2 * frames * channels * size * size * hidden) + Transformer(tokens)
            : null;
    }

    /// <summary>4 H² for queries, keys, values and output, 2 H F for the feed-forward part, 2 n H for scores and their sum, each for every token and layer.</summary>
    private double? Transformer(double tokens) =>
        Number("layers") is { } layers && Number("hidden_size") is { } hidden && Number("feed_forward_size") is { } inner
            ? 2 * layers * tokens * ((4 * hidden * hidden) + (2 * hidden * inner) + (2 * tokens * hidden))
            : null;

    private double? Number(string name) => _config[name] is JsonValue value && value.TryGetValue(out double number) ? number : null;

    private double[]? Numbers(string name) => _config[name] is JsonArray array ? [.. array.Select(item => item!.GetValue<double>())] : null;
}
