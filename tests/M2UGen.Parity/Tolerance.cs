using System.Globalization;

namespace M2UGen.Parity;

/// <summary>How far an actual value may be from the expected one.</summary>
internal enum ToleranceRule
{
    /// <summary>Equal.</summary>
    Exact,

    /// <summary>max |error| &lt;= value.</summary>
    Absolute,

    /// <summary>|error| &lt;= value * |expected|, each element.</summary>
    Relative,

    /// <summary>max |error| &lt;= value * largest |expected|.</summary>
    OfLargest,

    /// <summary>|error| &lt;= value * (1 + |expected|), each element.</summary>
    AbsoluteRelative,

    /// <summary>max |error| &lt;= value * max(1, largest |expected|).</summary>
    Default,

    /// <summary>Stored for information: not compared.</summary>
    Information,
}

/// <summary>A rule with its number.</summary>
/// <param name="Rule">How the number is to be read.</param>
/// <param name="Value">The number; unused by <see cref="ToleranceRule.Exact"/>.</param>
/// <param name="Above">Only elements whose expected value is above this are compared; null: all.</param>
internal readonly record struct Tolerance(ToleranceRule Rule, double Value = 0, double? Above = null)
{
    /// <summary>What holds where a case says nothing: 1e-4 x max(1, largest |expected|).</summary>
    public static Tolerance Standard { get; } = new(ToleranceRule.Default, 1e-4);

    public static Tolerance Exact { get; } = new(ToleranceRule.Exact);

    public static Tolerance Absolute(double value) => new(ToleranceRule.Absolute, value);

    public static Tolerance OfLargest(double value) => new(ToleranceRule.OfLargest, value);

    /// <summary>What holds for a graph in float16 instead: 5 % of the largest value, which a random place of a tensor does not meet; exact stays exact, and what is not compared is not.</summary>
    public Tolerance InFloat16() => Rule is ToleranceRule.Exact or ToleranceRule.Information ? this : new Tolerance(ToleranceRule.OfLargest, 0.05, Above);

    public override string ToString()
    {
        string number = Value.ToString("0.######e-0", CultureInfo.InvariantCulture);
        string text = Rule switch
        {
            ToleranceRule.Exact => "exact",
            ToleranceRule.Absolute => $"abs {number}",
            ToleranceRule.Relative => $"rel {number}",
            ToleranceRule.OfLargest => $"{number} of largest",
            ToleranceRule.AbsoluteRelative => $"{number} x (1+|expected|)",
            ToleranceRule.Information => "not compared",
            _ => $"{number} x max(1, largest)",
        };
        return Above is { } above ? $"{text}, where above {above.ToString(CultureInfo.InvariantCulture)}" : text;
    }

    /// <summary>Compares element by element. Both spans have the same length.</summary>
    public Comparison Judge(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual)
    {
        double largest = 0;
        foreach (double value in expected)
        {
            if (double.IsFinite(value))
            {
                largest = Math.Max(largest, Math.Abs(value));
            }
        }

        double maxAbs = 0;
        long outside = 0;
        int first = -1;
        for (int i = 0; i < expected.Length; i++)
        {
            double e = expected[i], a = actual[i];
            if (Above is { } above && !(e > above))
            {
                continue;
            }

            double error = Math.Abs(a - e);
            bool good;
            if (!double.IsFinite(e) || !double.IsFinite(a))
            {
                // A value that is not a number equals only itself: NaN in place of a number is never "close".
                good = e.Equals(a);
                error = good ? 0 : double.PositiveInfinity;
            }
            else
            {
                good = Rule switch
                {
                    ToleranceRule.Exact => error == 0,
                    ToleranceRule.Absolute => error <= Value,
                    ToleranceRule.Relative => error <= Value * Math.Abs(e),
                    ToleranceRule.OfLargest => error <= Value * largest,
                    ToleranceRule.AbsoluteRelative => error <= Value * (1 + Math.Abs(e)),
                    _ => error <= Value * Math.Max(1, largest),
                };
            }

            maxAbs = Math.Max(maxAbs, error);
            if (!good)
            {
                outside++;
                first = first < 0 ? i : first;
            }
        }

        double maxRel = maxAbs == 0 ? 0 : maxAbs / largest;
        return new Comparison(maxAbs, maxRel, outside, first);
    }
}

/// <summary>What a comparison found.</summary>
/// <param name="MaxAbs">Largest |actual - expected|; infinite where a value is not finite and should be.</param>
/// <param name="MaxRel"><paramref name="MaxAbs"/> divided by the tensor's largest |expected|.</param>
/// <param name="Outside">How many elements break the tolerance.</param>
/// <param name="FirstOutside">Flat index of the first of them, or -1.</param>
internal readonly record struct Comparison(double MaxAbs, double MaxRel, long Outside, int FirstOutside)
{
    public bool Passed => Outside == 0;
}
