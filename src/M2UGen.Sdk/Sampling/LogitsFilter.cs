namespace M2UGen.Sdk.Sampling;

/// <summary>The kinds of filter; the value beside each is what <see cref="LogitsFilter.Value"/> means.</summary>
internal enum LogitsFilterKind
{
    /// <summary>Divisor of the logits, above 0.</summary>
    Temperature,

    /// <summary>Number of tokens, 1 and more.</summary>
    TopK,

    /// <summary>Nucleus mass in [0, 1], the reference's rule.</summary>
    TopPByMassBefore,

    /// <summary>Nucleus mass in [0, 1], transformers' rule.</summary>
    TopPByTailMass,

    /// <summary>Share of the largest probability in [0, 1].</summary>
    MinP,

    /// <summary>Mass in (0, 1].</summary>
    Typical,
}

/// <summary>One step between the logits and the distribution that is drawn from.</summary>
internal readonly record struct LogitsFilter
{
    /// <summary>Creates a filter.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is outside the kind's range.</exception>
    public LogitsFilter(LogitsFilterKind kind, double value)
    {
        bool allowed = kind switch
        {
            LogitsFilterKind.Temperature => value > 0 && double.IsFinite(value),
            LogitsFilterKind.TopK => value >= 1 && value <= int.MaxValue && value == Math.Floor(value),
            LogitsFilterKind.Typical => value is > 0 and <= 1,
            LogitsFilterKind.TopPByMassBefore or LogitsFilterKind.TopPByTailMass or LogitsFilterKind.MinP => value is >= 0 and <= 1,
            _ => false,
        };
        if (!allowed)
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, $"The value of the sampling filter {kind} is outside its range.");
        }

        Kind = kind;
        Value = value;
    }

    /// <summary>What the filter does.</summary>
    public LogitsFilterKind Kind { get; }

    /// <summary>Its number.</summary>
    public double Value { get; }
}
