using System.Globalization;

namespace M2UGen.Parity.Kinds;

/// <summary>One line of the report for one column of a JSON table: how many rows were right, and the first that were not.</summary>
internal sealed class TableCheck(string name)
{
    private const int Shown = 3;
    private readonly List<string> wrong = [];
    private int rows;
    private int wrongRows;

    /// <summary>Compares ids.</summary>
    public void Ids(string row, ReadOnlySpan<int> expected, ReadOnlySpan<int> actual)
    {
        bool equal = expected.SequenceEqual(actual);
        Row(equal, equal ? "" : $"{row}: expected [{string.Join(",", expected.ToArray())}], found [{string.Join(",", actual.ToArray())}]");
    }

    /// <summary>Compares texts.</summary>
    public void Text(string row, string? expected, string? actual)
    {
        bool equal = string.Equals(expected, actual, StringComparison.Ordinal);
        Row(equal, equal ? "" : $"{row}: expected \"{expected}\", found \"{actual}\"");
    }

    /// <summary>Compares two values.</summary>
    public void Equal<T>(string row, T expected, T actual)
    {
        bool equal = EqualityComparer<T>.Default.Equals(expected, actual);
        Row(equal, equal ? "" : string.Create(CultureInfo.InvariantCulture, $"{row}: expected {expected}, found {actual}"));
    }

    /// <summary>Writes the line; nothing if the table has no such column.</summary>
    public void Report(ParityReport report)
    {
        if (rows > 0)
        {
            report.Check(
                string.Create(CultureInfo.InvariantCulture, $"{name} ({rows - wrongRows} of {rows} rows)"),
                wrongRows == 0,
                string.Join("; ", wrong) + (wrongRows > Shown ? " …" : ""));
        }
    }

    private void Row(bool ok, string detail)
    {
        rows++;
        if (!ok)
        {
            wrongRows++;
            if (wrong.Count < Shown)
            {
                wrong.Add(detail.Length > 400 ? detail[..400] + "…" : detail);
            }
        }
    }
}
