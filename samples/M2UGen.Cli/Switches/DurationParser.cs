using System.CommandLine.Parsing;
using System.Globalization;

namespace M2UGen.Cli.Switches;

/// <summary>Durations as people write them: 12, 12.5s, 2m, 1h, 1:30.</summary>
internal static class DurationParser
{
    /// <summary>Reads an option's value; a mistake becomes a parse error that shows the forms.</summary>
    public static TimeSpan? Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (TryParse(text, out TimeSpan duration))
        {
            return duration;
        }

        result.AddError($"'{text}' is no duration. Write seconds (12 or 12.5s), minutes (2m), hours (1h), or minutes and seconds (1:30).");
        return null;
    }

    /// <summary>Reads a duration; whether it is a sensible one is the SDK's to say.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        string[] parts = text.Split(':');
        double seconds = 0;
        if (parts.Length is 2 or 3)
        {
            foreach (string part in parts)
            {
                if (!Number(part, out double value) || value < 0)
                {
                    return false;
                }

                seconds = (seconds * 60) + value;
            }
        }
        else
        {
            (double unit, string number) = text switch
            {
                [.. string head, 's'] => (1, head),
                [.. string head, 'm'] => (60, head),
                [.. string head, 'h'] => (3600, head),
                _ => (1.0, text),
            };
            if (!Number(number, out seconds))
            {
                return false;
            }

            seconds *= unit;
        }

        if (!double.IsFinite(seconds) || Math.Abs(seconds) > TimeSpan.MaxValue.TotalSeconds / 2)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    private static bool Number(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
