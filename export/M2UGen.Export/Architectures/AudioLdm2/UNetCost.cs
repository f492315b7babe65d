using System.Text.Json.Nodes;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>Counts the multiply-adds of a UNet's convolutions, linear layers and attentions, for each resolution and apart for what is computed once a sample and once a row of the conditions.</summary>
/// <remarks>
/// A convolution or linear layer takes out · in · kernel² a position; an attention of N positions to M others 2 N M width (scores, and the sum over the values).
/// The runtime puts the sizes in (<c>UNetCost</c> there). Biases, norms and activations are not counted.
/// </remarks>
/// <param name="levels">Resolutions, the finest first.</param>
internal sealed class UNetCost(int levels)
{
    private readonly Level[] _levels = [.. Enumerable.Range(0, levels).Select(_ => new Level())];

    /// <summary>Adds a convolution whose result has the resolution <paramref name="level"/>.</summary>
    public void AddConvolution(int level, bool isRepeated, long output, long input, long kernel) => AddPosition(level, isRepeated, output * input * kernel * kernel);

    /// <summary>Adds a linear layer.</summary>
    public void AddLinear(int level, bool isRepeated, long output, long input) => AddPosition(level, isRepeated, output * input);

    /// <summary>Adds an attention of all positions to all.</summary>
    public void AddSelfAttention(int level, bool isRepeated, long width)
    {
        if (isRepeated)
        {
            _levels[level].RowSelf += width;
        }
        else
        {
            _levels[level].SampleSelf += width;
        }
    }

    /// <summary>Adds an attention of all positions to a condition.</summary>
    public void AddCrossAttention(int level, UNetAttentionSource source, long width)
    {
        if (source == UNetAttentionSource.Prompt)
        {
            _levels[level].RowPrompt += width;
        }
        else
        {
            _levels[level].RowGenerated += width;
        }
    }

    /// <summary>The manifest's <c>cost</c>: an object a resolution.</summary>
    public JsonArray ToJson() => new([.. _levels.Select(level => new JsonObject
    {
        ["sample_position"] = level.SamplePosition,
        ["sample_self"] = level.SampleSelf,
        ["row_position"] = level.RowPosition,
        ["row_self"] = level.RowSelf,
        ["row_generated"] = level.RowGenerated,
        ["row_prompt"] = level.RowPrompt,
    })]);

    private void AddPosition(int level, bool isRepeated, long count)
    {
        if (isRepeated)
        {
            _levels[level].RowPosition += count;
        }
        else
        {
            _levels[level].SamplePosition += count;
        }
    }

    private sealed class Level
    {
        public long SamplePosition { get; set; }

        public long SampleSelf { get; set; }

        public long RowPosition { get; set; }

        public long RowSelf { get; set; }

        public long RowGenerated { get; set; }

        public long RowPrompt { get; set; }
    }
}
