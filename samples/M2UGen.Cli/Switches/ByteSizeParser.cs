using System.CommandLine.Parsing;
using System.Globalization;

namespace M2UGen.Cli.Switches;

/// <summary>Sizes as people write them: 4GB, 1.5 GB, 1500MB, 2GiB, or bytes.</summary>
internal static class ByteSizeParser
{
    // The longest first: "GiB" ends in "B" too.
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("B", 1),
    ];

    /// <summary>Reads an option's value; a mistake becomes a parse error that shows the forms.</summary>
    public static long? Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (TryParse(text, out long bytes))
        {
            return bytes;
        }

        result.AddError($"'{text}' is no size. Write it like 4GB, 1500MB or 2GiB.");
        return null;
    }

    /// <summary>Reads a size above 0.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string number = text.Trim();
        double factor = 1;
        foreach ((string unit, double size) in Units)
        {
            if (number.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                (number, factor) = (number[..^unit.Length], size);
                break;
            }
        }

        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out double value) || value * factor is < 1 or > long.MaxValue / 2.0)
        {
            return false;
        }

        bytes = (long)(value * factor);
        return true;
    }
}
