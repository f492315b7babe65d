using System.Globalization;
using System.Text.Json;

namespace M2UGen.Parity;

/// <summary>Puts results into words: a line a tensor, and the same as JSON.</summary>
internal static class ResultWriter
{
    /// <summary>A heading and one line a result.</summary>
    public static void WriteCase(TextWriter writer, ParityReport report)
    {
        writer.WriteLine($"{report.Name} ({report.Kind}): {report.Passed} passed, {report.Failed} failed, {report.Skipped} skipped");
        foreach (ParityResult result in report.Results)
        {
            string verdict = result.Verdict.ToString().ToLowerInvariant();
            string measured = result.Comparison is { } c ? $"  max abs {Number(c.MaxAbs)}  max rel {Number(c.MaxRel)}" : "";
            string tolerance = result.Tolerance is { } t ? $"  tolerance {t}" : "";
            string detail = result.Detail.Length > 0 ? $"  {result.Detail}" : "";
            writer.WriteLine($"  {verdict,-7}  {result.Name,-36}{measured}{tolerance}{detail}");
        }
    }

    /// <summary>The last line: <c>N passed, N failed, N skipped</c>.</summary>
    public static void WriteSummary(TextWriter writer, IReadOnlyList<ParityReport> reports) =>
        writer.WriteLine($"{reports.Sum(r => r.Passed)} passed, {reports.Sum(r => r.Failed)} failed, {reports.Sum(r => r.Skipped)} skipped");

    public static void WriteJson(Stream stream, IReadOnlyList<ParityReport> reports)
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("passed", reports.Sum(r => r.Passed));
        json.WriteNumber("failed", reports.Sum(r => r.Failed));
        json.WriteNumber("skipped", reports.Sum(r => r.Skipped));
        json.WriteStartArray("cases");
        foreach (ParityReport report in reports)
        {
            json.WriteStartObject();
            json.WriteString("name", report.Name);
            json.WriteString("folder", report.Folder);
            json.WriteString("kind", report.Kind);
            json.WriteStartArray("results");
            foreach (ParityResult result in report.Results)
            {
                json.WriteStartObject();
                json.WriteString("name", result.Name);
                json.WriteString("verdict", result.Verdict.ToString().ToLowerInvariant());
                if (result.Comparison is { } comparison)
                {
                    // JSON has no infinity: a value that should be finite and is not is said in words.
                    WriteNumber(json, "max_abs", comparison.MaxAbs);
                    WriteNumber(json, "max_rel", comparison.MaxRel);
                }

                if (result.Tolerance is { } tolerance)
                {
                    json.WriteString("tolerance", tolerance.ToString());
                }

                if (result.Detail.Length > 0)
                {
                    json.WriteString("detail", result.Detail);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteString(name, value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static string Number(double value) => value.ToString("0.00e-00", CultureInfo.InvariantCulture);
}
