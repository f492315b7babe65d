using System.Text.Json;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Parity.Kinds;

/// <summary>What is left to draw from after the filters, row by row.</summary>
internal sealed class SamplingKind : IParityKind
{
    // Below this distance from a border float32 rounding decides, says the case.
    private const double LeastMargin = 1e-6;

    // How far the sum of a vocabulary's float32 probabilities may be from 1, and with it a border.
    private const double RoundingReach = 1e-5;

    public bool Handles(string kind) => kind == "sampling";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        Tolerance tolerance = c.Json.TryGetProperty("tolerance", out JsonElement stated) && stated.ValueKind == JsonValueKind.Object
            && stated.TryGetProperty("p", out JsonElement p) ? Tolerance.Absolute(p.GetDouble()) : Tolerance.Standard;
        List<JsonElement> rows = TokenizerTables.Rows(c, "rows.json");
        for (int i = 0; i < rows.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            JsonElement row = rows[i];
            if (row.GetProperty("kind").GetString() == "guidance")
            {
                RunGuidance(c, report, row, tolerance);
            }
            else
            {
                float[] logits = c.Inputs.Float(row.GetProperty("logits").GetString()!);
                float[] probabilities = new float[logits.Length];
                Sampler(row).Probabilities(logits, probabilities);
                RunRow(c, report, row, $"row {i}", logits, probabilities, tolerance);
            }
        }
    }

    private static FilterSampler Sampler(JsonElement row)
    {
        if (row.GetProperty("kind").GetString() == "reference_top_p")
        {
            return new FilterSampler(Filter("temperature"), new LogitsFilter(LogitsFilterKind.TopPByMassBefore, row.GetProperty("top_p").GetDouble()));
        }

        // A filter that the order names and the row gives no number for is not applied.
        return new FilterSampler(
        [
            .. row.GetProperty("order").EnumerateArray().Select(name => name.GetString()!)
                .Where(name => row.TryGetProperty(name == "typical" ? "typical_p" : name, out _)).Select(Filter),
        ]);

        LogitsFilter Filter(string name) => name switch
        {
            "temperature" => new LogitsFilter(LogitsFilterKind.Temperature, row.GetProperty(name).GetDouble()),
            "top_k" => new LogitsFilter(LogitsFilterKind.TopK, row.GetProperty(name).GetDouble()),
            "top_p" => new LogitsFilter(LogitsFilterKind.TopPByTailMass, row.GetProperty(name).GetDouble()),
            "min_p" => new LogitsFilter(LogitsFilterKind.MinP, row.GetProperty(name).GetDouble()),
            "typical" => new LogitsFilter(LogitsFilterKind.Typical, row.GetProperty("typical_p").GetDouble()),
            _ => throw new ParityException($"rows.json names the unknown filter '{name}'."),
        };
    }

    private static void RunRow(ParityCase c, ParityReport report, JsonElement row, string name, float[] logits, float[] probabilities, Tolerance tolerance)
    {
        int[] index = [.. Enumerable.Range(0, probabilities.Length).Where(i => probabilities[i] > 0)];
        float[] own = [.. index.Select(i => probabilities[i])];
        int kept = row.GetProperty("kept").GetInt32();
        bool rounding = (row.TryGetProperty("margin", out JsonElement margin) && margin.GetDouble() <= LeastMargin)
            || (row.TryGetProperty("kept_float64", out JsonElement exact) && exact.GetInt32() != kept);
        string? key = row.TryGetProperty("key", out JsonElement keyed) ? keyed.GetString() : null;
        string[] lines = key is null ? [name] : [$"{key}.index", $"{key}.p"];
        if (own.Length != kept && rounding)
        {
            string found = $"the reference keeps {kept}, float64 {row.GetProperty("kept_float64")}, this code {own.Length}";
            foreach (string line in lines)
            {
                if (row.TryGetProperty("top_p", out JsonElement p) && row.GetProperty("kind").GetString() == "reference_top_p")
                {
                    // Rounding may move the border; it must still lie where the exact mass meets p.
                    bool near = BorderIsNear(logits, row.GetProperty("temperature").GetDouble(), p.GetDouble(), own.Length);
                    report.Check(line, near, $"{found}, and the border is not within {RoundingReach} of p");
                }
                else
                {
                    report.Skip(line, $"float32 rounding decides here: {found}");
                }
            }
        }
        else if (key is null)
        {
            double[] top = [.. row.GetProperty("p_top").EnumerateArray().Select(p => p.GetDouble())];
            double squares = own.Sum(p => (double)p * p);
            report.Check($"{name} kept", own.Length == kept, $"expected {kept} kept, found {own.Length}");
            report.CheckValues($"{name} p_top", top, [.. own.OrderDescending().Take(top.Length).Select(p => (double)p)], tolerance);
            report.CheckValues($"{name} p_sum_of_squares", [row.GetProperty("p_sum_of_squares").GetDouble()], [squares], tolerance);
        }
        else if (row.TryGetProperty("tie_at_border", out JsonElement tie) && tie.GetBoolean())
        {
            // Which of the equal tokens stay is not defined; how many stay and their probabilities are.
            double[] expected = [.. c.Expected.Double($"{key}.p").Order()];
            report.Check($"{key}.index", own.Length == kept, $"expected {kept} kept, found {own.Length}");
            report.CheckValues($"{key}.p", expected, [.. own.Order().Select(p => (double)p)], tolerance);
        }
        else
        {
            report.CompareExact($"{key}.index", [.. index.Select(i => (long)i)], [index.Length]);
            report.Compare($"{key}.p", own, [own.Length], tolerance);
        }
    }

    private static bool BorderIsNear(float[] logits, double temperature, double p, int kept)
    {
        double max = logits.Max();
        double[] weights = [.. logits.Select(logit => Math.Exp((logit - max) / temperature)).OrderDescending()];
        double total = weights.Sum();
        double beforeLast = weights.Take(kept - 1).Sum() / total;
        double beforeNext = beforeLast + (weights[kept - 1] / total);
        return beforeLast <= p + RoundingReach && beforeNext >= p - RoundingReach;
    }

    private static void RunGuidance(ParityCase c, ParityReport report, JsonElement row, Tolerance tolerance)
    {
        string key = row.GetProperty("key").GetString()!;
        float[] conditional = c.Expected.Float($"{key}.conditional");
        float[] unconditional = c.Expected.Float($"{key}.unconditional");
        long[] shape = c.Expected.Shape($"{key}.guided");
        report.Skip($"{key}.conditional", "an input of this row");
        report.Skip($"{key}.unconditional", "an input of this row");
        float[] guided = new float[conditional.Length];
        ClassifierFreeGuidance.Apply(conditional, unconditional, row.GetProperty("guidance_scale").GetSingle(), guided);
        report.Compare($"{key}.guided", guided, shape);
        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith($"{key}.top", StringComparison.Ordinal)))
        {
            // "top250_p": the number of tokens stands in the name.
            int topK = int.Parse(tensor[(key.Length + 4)..^2], System.Globalization.CultureInfo.InvariantCulture);
            ITokenSampler sampler = new SamplingOptions { TopK = topK }.CreateSampler();
            float[] probabilities = new float[guided.Length];
            int vocabulary = (int)shape[^1];
            for (int at = 0; at < guided.Length; at += vocabulary)
            {
                sampler.Probabilities(guided.AsSpan(at, vocabulary), probabilities.AsSpan(at, vocabulary));
            }

            report.Compare(tensor, probabilities, shape, tolerance);
        }
    }
}
