using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;

namespace M2UGen.Parity;

/// <summary>
/// A case's tolerances. <c>tolerance_rules</c> (regular expressions over the whole tensor name) decide where present, else
/// <c>tolerances</c> (wildcard patterns), else a plain number in <c>tolerance</c>, else <see cref="Tolerance.Standard"/>. First match wins.
/// </summary>
internal sealed class ToleranceTable
{
    private static readonly TimeSpan PatternLimit = TimeSpan.FromSeconds(1);

    private readonly List<(Func<string, bool> Matches, Tolerance Tolerance)> rows = [];

    private readonly Precision precision;

    /// <param name="json">The case.</param>
    /// <param name="precision">In what its graphs compute: other than float32, <see cref="Tolerance.InFloat16"/> widens every row.</param>
    public ToleranceTable(JsonElement json, Precision precision = Precision.Float32)
    {
        this.precision = precision;
        if (json.TryGetProperty("tolerance_rules", out JsonElement rules))
        {
            foreach (JsonElement row in rules.GetProperty("rules").EnumerateArray())
            {
                Regex names = new($"^(?:{row.GetProperty("names").GetString()})$", RegexOptions.CultureInvariant | RegexOptions.Singleline, PatternLimit);
                double? above = row.TryGetProperty("above", out JsonElement a) && a.ValueKind == JsonValueKind.Number ? a.GetDouble() : null;
                rows.Add((names.IsMatch, new Tolerance(Rule(row), Number(row, "value"), above)));
            }
        }
        else if (json.TryGetProperty("tolerances", out JsonElement table))
        {
            foreach (JsonElement row in table.EnumerateArray())
            {
                Tolerance tolerance = new(Rule(row), Number(row, row.TryGetProperty("max", out _) ? "max" : "value"));
                foreach (JsonElement pattern in row.GetProperty("tensors").EnumerateArray())
                {
                    string text = pattern.GetString()!;
                    rows.Add((name => Wildcard.Matches(text, name), tolerance));
                }
            }
        }
        else if (json.TryGetProperty("tolerance", out JsonElement one))
        {
            if (one.ValueKind == JsonValueKind.Number)
            {
                rows.Add((_ => true, Tolerance.Absolute(one.GetDouble())));
            }
            else if (one.ValueKind == JsonValueKind.String && one.ValueEquals("exact"))
            {
                rows.Add((_ => true, Tolerance.Exact));
            }
        }
    }

    /// <summary>The tolerance of a tensor.</summary>
    public Tolerance Of(string tensor) => precision == Precision.Float16 ? Stated(tensor).InFloat16() : Stated(tensor);

    private Tolerance Stated(string tensor)
    {
        foreach ((Func<string, bool> matches, Tolerance tolerance) in rows)
        {
            if (matches(tensor))
            {
                return tolerance;
            }
        }

        return Tolerance.Standard;
    }

    private static double Number(JsonElement row, string name) =>
        row.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;

    private static ToleranceRule Rule(JsonElement row) => row.GetProperty("rule").GetString() switch
    {
        "exact" => ToleranceRule.Exact,
        "abs" => ToleranceRule.Absolute,
        "rel" => ToleranceRule.Relative,
        "of_largest" or "of_max" => ToleranceRule.OfLargest,
        "abs_rel" => ToleranceRule.AbsoluteRelative,
        "default" => ToleranceRule.Default,
        "info" => ToleranceRule.Information,
        string other => throw new ParityException($"case.json has the tolerance rule '{other}', which this runner does not know."),
        null => throw new ParityException("case.json has a tolerance row whose rule is null."),
    };
}
