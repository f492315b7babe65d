using System.Globalization;

namespace M2UGen.Sdk;

/// <summary>Collects everything that is wrong with a set of options, so that a caller learns of all of it in one exception.</summary>
internal sealed class OptionsCheck
{
    private readonly List<(string Name, object? Value, string Problem)> _problems = [];

    public void Range(string owner, string name, double? value, double minimum, double maximum)
    {
        // NaN fails both comparisons, so it is asked for what it must be.
        if (value is { } v && !(v >= minimum && v <= maximum))
        {
            Add(owner, name, v, string.Create(CultureInfo.InvariantCulture, $"must be a finite number from {minimum} to {maximum}"));
        }
    }

    public void Range(string owner, string name, int? value, int minimum, int maximum)
    {
        if (value is { } v && (v < minimum || v > maximum))
        {
            Add(owner, name, v, string.Create(CultureInfo.InvariantCulture, $"must be from {minimum} to {maximum}"));
        }
    }

    public void AtLeast(string owner, string name, long? value, long minimum)
    {
        if (value is { } v && v < minimum)
        {
            Add(owner, name, v, string.Create(CultureInfo.InvariantCulture, $"must be {minimum} or more"));
        }
    }

    public void AboveZeroTo(string owner, string name, double? value, double maximum)
    {
        if (value is { } v && !(v > 0 && v <= maximum))
        {
            Add(owner, name, v, string.Create(CultureInfo.InvariantCulture, $"must be above 0, to {maximum}"));
        }
    }

    public void Duration(string owner, string name, TimeSpan? value, TimeSpan maximum)
    {
        if (value is { } v && (v <= TimeSpan.Zero || v > maximum))
        {
            Add(owner, name, v, $"must be above 0 s, up to {maximum.ToString("c", CultureInfo.InvariantCulture)} (hours:minutes:seconds)");
        }
    }

    /// <summary>Two settings of which the second would silently win.</summary>
    public void NotBoth(string owner, string name, object? value, string other, object? otherValue)
    {
        if (value is not null && otherValue is not null)
        {
            Add(owner, name, value, $"must be left out where {owner}.{other} is set");
        }
    }

    public void Defined<T>(string owner, string name, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            Add(owner, name, value, $"must be one of {string.Join(", ", Enum.GetNames<T>())}");
        }
    }

    public void NotNull(string owner, string name, object? value)
    {
        if (value is null)
        {
            Add(owner, name, "null", "must not be null");
        }
    }

    public void NotEmpty(string owner, string name, string? value)
    {
        if (value is not null && string.IsNullOrWhiteSpace(value))
        {
            Add(owner, name, $"'{value}'", "must be null or a name");
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">Something was added; the parameter name is the first option's, the message lists all.</exception>
    public void ThrowIfAny()
    {
        if (_problems.Count > 0)
        {
            (string name, object? value, _) = _problems[0];
            throw new ArgumentOutOfRangeException(name, value, string.Join(Environment.NewLine, _problems.Select(p => p.Problem)));
        }
    }

    private void Add(string owner, string name, object value, string rule) =>
        _problems.Add((name, value, string.Create(CultureInfo.InvariantCulture, $"{owner}.{name} is {value}; it {rule}.")));
}
