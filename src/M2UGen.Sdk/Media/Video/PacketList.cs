using System.Globalization;

namespace M2UGen.Sdk.Media.Video;

/// <summary>The packets of a picture stream, as ffprobe lists them a line each: "pts_time=0.040000|duration_time=0.040000|flags=K_".</summary>
internal sealed class PacketList
{
    private readonly List<double> _shown = [];

    /// <summary>Packets, those that are not shown included.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no packet is marked as corrupt and each says when it is shown.</summary>
    public bool AllWhole { get; private set; } = true;

    /// <summary>How long all shown packets together last, in seconds.</summary>
    public double Length { get; private set; }

    /// <summary>Takes a line; others than packets are passed over.</summary>
    /// <returns>Packets so far.</returns>
    public int Add(string line)
    {
        if (Field(line, "flags") is not { } flags)
        {
            return Count;
        }

        Count++;
        double? time = Seconds(line, "pts_time");
        AllWhole &= time is not null && !flags.Contains('C', StringComparison.Ordinal);

        // D: decoded for the frames behind it and cut away by the edit list.
        if (!flags.Contains('D', StringComparison.Ordinal))
        {
            _shown.Add(time ?? 0);
            Length += Seconds(line, "duration_time") ?? 0;
        }

        return Count;
    }

    /// <summary>The times of the frames that are shown, rising: packets stand in the order of decoding.</summary>
    public List<double> Shown()
    {
        _shown.Sort();
        return _shown;
    }

    /// <summary>The value of a line's field, or null.</summary>
    public static string? Field(string line, string name)
    {
        foreach (Range part in line.AsSpan().Split('|'))
        {
            ReadOnlySpan<char> field = line.AsSpan(part);
            if (field.StartsWith(name, StringComparison.Ordinal) && field.Length > name.Length && field[name.Length] == '=')
            {
                return field[(name.Length + 1)..].ToString();
            }
        }

        return null;
    }

    private static double? Seconds(string line, string name) =>
        double.TryParse(Field(line, name), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) ? seconds : null;
}
