using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace M2UGen.Cli.Switches;

/// <summary>Numbers of options, written with a point and without thousands, whatever the machine's language.</summary>
internal static class NumberParser
{
    /// <summary>Reads an option's value; a mistake becomes a parse error that says what a value may be.</summary>
    public static T? Parse<T>(ArgumentResult result)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value))
        {
            return value;
        }

        string expected = typeof(T) == typeof(double) ? "a number such as 0.8" : string.Create(CultureInfo.InvariantCulture, $"a whole number from {T.MinValue} to {T.MaxValue}");
        result.AddError($"'{text}' is no value for {(result.Parent as OptionResult)?.IdentifierToken?.Value ?? result.Argument.Name}; write {expected}.");
        return null;
    }

    /// <summary>The same for an option that always has a value.</summary>
    public static int ParseCount(ArgumentResult result) => Parse<int>(result) ?? 0;
}
