using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>Where the samples' rows become the conditions' rows: with guidance each sample is seen once under the negative prompt and once under the positive one.</summary>
/// <remarks>
/// <code>
/// x [b, ..] ── Tile(B / b along the batch) ── [B, ..]: all samples, then all samples again
/// </code>
/// </remarks>
/// <param name="graph">The graph.</param>
/// <param name="sample">[b, ..]: only its shape is used.</param>
internal sealed class UNetRepetition(GraphBuilder graph, Value sample)
{
    private readonly Dictionary<int, Value> _repeats = [];
    private Value _factor;

    /// <summary>Whether the rows are the conditions' by now.</summary>
    public bool IsDone { get; private set; }

    /// <summary>From here on all rows are the conditions'.</summary>
    /// <param name="condition">[B, ..]: only its shape is used.</param>
    public void Begin(Value condition)
    {
        const string Name = "/repetition";
        _factor = graph.Div($"{Name}/Div", graph.Dimension($"{Name}/batch", condition, 0), graph.Dimension($"{Name}/samples", sample, 0));
        IsDone = true;
    }

    /// <summary>Adds the repetition.</summary>
    /// <param name="name">Node path.</param>
    /// <param name="value">[b, ..] float.</param>
    /// <param name="rank">Its dimensions.</param>
    public Value Repeat(string name, Value value, int rank)
    {
        if (!_repeats.TryGetValue(rank, out Value repeats))
        {
            repeats = graph.Concat($"/repetition/repeats_{rank}", 0, _factor, graph.Int64s(Enumerable.Repeat(1L, rank - 1).ToArray()));
            _repeats.Add(rank, repeats);
        }

        return graph.Op("Tile", $"{name}/Tile", [value, repeats]);
    }
}
