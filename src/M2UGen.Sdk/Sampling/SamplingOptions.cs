namespace M2UGen.Sdk.Sampling;

/// <summary>Which form of nucleus sampling counts; the two differ where the mass meets the border exactly.</summary>
internal enum TopPRule
{
    /// <summary>Sorted descending, a token stays while the mass before it is at most p (reference llama/utils.py sample_top_p).</summary>
    MassBefore,

    /// <summary>Sorted ascending, what holds at most 1 - p of the mass goes, the last never (transformers TopPLogitsWarper).</summary>
    TailMass,
}

/// <summary>What shapes the distribution before a token is drawn. The defaults switch everything off.</summary>
internal sealed record SamplingOptions
{
    /// <summary>Divides the logits; 0 is greedy.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps this many tokens and those tied with the last; 0 is off.</summary>
    public int TopK { get; init; }

    /// <summary>Nucleus mass; 1 is off.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>How the nucleus is cut.</summary>
    public TopPRule TopPRule { get; init; } = TopPRule.TailMass;

    /// <summary>Drops tokens below this share of the largest probability; 0 is off.</summary>
    public double MinP { get; init; }

    /// <summary>Mass of locally typical sampling; 1 is off.</summary>
    public double TypicalP { get; init; } = 1;

    /// <summary>Builds the sampler: greedy at temperature 0, else the filters in the order temperature, top-k, top-p, min-p, typical.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public ITokenSampler CreateSampler()
    {
        if (Temperature == 0)
        {
            return GreedySampler.Instance;
        }

        List<LogitsFilter> filters = [];
        if (Temperature != 1)
        {
            filters.Add(new LogitsFilter(LogitsFilterKind.Temperature, Temperature));
        }

        if (TopK != 0)
        {
            filters.Add(new LogitsFilter(LogitsFilterKind.TopK, TopK));
        }

        if (TopP < 1 || double.IsNaN(TopP))
        {
            filters.Add(new LogitsFilter(TopPRule == TopPRule.MassBefore ? LogitsFilterKind.TopPByMassBefore : LogitsFilterKind.TopPByTailMass, TopP));
        }

        if (MinP != 0)
        {
            filters.Add(new LogitsFilter(LogitsFilterKind.MinP, MinP));
        }

        if (TypicalP < 1 || double.IsNaN(TypicalP))
        {
            filters.Add(new LogitsFilter(LogitsFilterKind.Typical, TypicalP));
        }

        return new FilterSampler([.. filters]);
    }
}
