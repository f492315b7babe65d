using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>How much one evaluation of the UNet computes: multiply-adds of its convolutions, linear layers and attentions.</summary>
/// <param name="levels">The component's number <c>cost</c>: what the exporter counted at each resolution, the finest first.</param>
internal sealed class UNetCost(JsonArray levels)
{
    /// <summary>What a bundle's manifest says, or null where it says nothing.</summary>
    public static UNetCost? From(ModelBundle bundle) => bundle.Component(UNet.Component).Config["cost"] is JsonArray levels ? new UNetCost(levels) : null;

    /// <summary>Counts one evaluation.</summary>
    /// <param name="samples">Latents at once.</param>
    /// <param name="rows">Rows of the conditions; as many as <paramref name="samples"/> says what it would be without sharing the beginning between a sample's rows.</param>
    /// <param name="height">Rows of the latents.</param>
    /// <param name="width">Columns of the latents.</param>
    /// <param name="generated">GPT-2's vectors.</param>
    /// <param name="prompt">T5's states that are seen.</param>
    /// <returns>Multiply-adds; twice as many floating point operations.</returns>
    public long MultiplyAdds(int samples, int rows, int height, int width, int generated, int prompt)
    {
        long total = 0;
        foreach (JsonNode? level in levels)
        {
            long positions = (long)height * width;
            total += samples * positions * (Count(level, "sample_position") + (2 * positions * Count(level, "sample_self")));
            total += rows * positions * (Count(level, "row_position") + (2 * positions * Count(level, "row_self"))
                + (2 * generated * Count(level, "row_generated")) + (2 * prompt * Count(level, "row_prompt")));
            height = (height + 1) / 2;
            width = (width + 1) / 2;
        }

        return total;
    }

    private static long Count(JsonNode? level, string name) => level is JsonObject counts && counts[name] is JsonValue value && value.TryGetValue(out long count) ? count : 0;
}
