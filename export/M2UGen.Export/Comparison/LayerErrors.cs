namespace M2UGen.Export.Comparison;

/// <summary>Relative error of inner stages: the root of Σ (other - reference)² / Σ reference².</summary>
internal sealed class LayerErrors
{
    private readonly Dictionary<string, (double Error, double Power)> _sums = new(StringComparer.Ordinal);

    /// <summary>The stages, the worst first.</summary>
    public IReadOnlyList<(string Stage, double Error)> Worst
        => [.. _sums.Select(stage => (stage.Key, stage.Value.Power == 0 ? 0 : Math.Sqrt(stage.Value.Error / stage.Value.Power))).OrderByDescending(stage => stage.Item2).ThenBy(stage => stage.Key, StringComparer.Ordinal)];

    /// <summary>Adds what two models gave for one stage.</summary>
    public void Add(string stage, ReadOnlySpan<float> reference, ReadOnlySpan<float> other)
    {
        (double error, double power) = _sums.GetValueOrDefault(stage);
        for (int i = 0; i < reference.Length; i++)
        {
            double difference = (double)other[i] - reference[i];
            error += difference * difference;
            power += (double)reference[i] * reference[i];
        }

        _sums[stage] = (error, power);
    }
}
