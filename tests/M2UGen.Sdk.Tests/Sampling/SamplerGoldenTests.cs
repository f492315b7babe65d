using System.Text.Json;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Sampling;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Sampling;

public sealed class SamplerGoldenTests
{
    private static readonly string Folder = Repository.Golden("sampling");

    [Fact]
    public void Probabilities_EveryGoldenRow_KeepsWhatTheReferenceKeeps()
    {
        GoldenTensors inputs = new(Path.Combine(Folder, "inputs.safetensors"));
        GoldenTensors expected = new(Path.Combine(Folder, "expected.safetensors"));
        using JsonDocument rows = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "rows.json")));
        int checkedRows = 0;
        List<string> wrong = [];
        foreach (JsonElement row in rows.RootElement.EnumerateArray().Where(row => row.GetProperty("kind").GetString() != "guidance"))
        {
            float[] logits = inputs.Float(row.GetProperty("logits").GetString()!);
            float[] probabilities = new float[logits.Length];
            Sampler(row).Probabilities(logits, probabilities);
            if (Problem(row, probabilities, expected) is { } problem)
            {
                wrong.Add($"{row.GetRawText()}: {problem}");
            }

            checkedRows++;
        }

        Assert.Empty(wrong);
        Assert.Equal(953, checkedRows);
    }

    [Fact]
    public void Guidance_EveryGoldenRow_EqualsTheFormula()
    {
        GoldenTensors expected = new(Path.Combine(Folder, "expected.safetensors"));
        using JsonDocument rows = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "rows.json")));
        foreach (JsonElement row in rows.RootElement.EnumerateArray().Where(row => row.GetProperty("kind").GetString() == "guidance"))
        {
            string key = row.GetProperty("key").GetString()!;
            float[] conditional = expected.Float($"{key}.conditional");
            float[] guided = new float[conditional.Length];
            ClassifierFreeGuidance.Apply(conditional, expected.Float($"{key}.unconditional"), row.GetProperty("guidance_scale").GetSingle(), guided);
            Near.Equal(expected.Float($"{key}.guided"), guided, 1e-6, key);
            float[] probabilities = new float[guided.Length];
            int vocabulary = expected.Shape($"{key}.guided")[1];
            ITokenSampler sampler = new SamplingOptions { TopK = 250 }.CreateSampler();
            for (int at = 0; at < guided.Length; at += vocabulary)
            {
                sampler.Probabilities(guided.AsSpan(at, vocabulary), probabilities.AsSpan(at, vocabulary));
            }

            Near.Equal(expected.Float($"{key}.top250_p"), probabilities, 1e-5, key);
        }
    }

    [Fact]
    public void Probabilities_MusicSettings_EqualTheReference()
    {
        string folder = Repository.Golden("musicgen-sampling");
        GoldenTensors inputs = new(Path.Combine(folder, "inputs.safetensors"));
        GoldenTensors expected = new(Path.Combine(folder, "expected.safetensors"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json")));
        float[] logits = inputs.Float("logits");
        int vocabulary = inputs.Shape("logits")[^1];
        foreach (JsonProperty setting in json.RootElement.GetProperty("settings").EnumerateObject())
        {
            ITokenSampler sampler = new SamplingOptions
            {
                Temperature = Value(setting.Value, "temperature") ?? 1,
                TopK = (int)(Value(setting.Value, "top_k") ?? 0),
                TopP = Value(setting.Value, "top_p") ?? 1,
            }.CreateSampler();
            float[] probabilities = new float[logits.Length];
            for (int at = 0; at < logits.Length; at += vocabulary)
            {
                sampler.Probabilities(logits.AsSpan(at, vocabulary), probabilities.AsSpan(at, vocabulary));
            }

            float[] wanted = expected.Float($"probabilities/{setting.Name}");
            Near.Equal(wanted, probabilities, 1e-6, setting.Name);
            for (int i = 0; i < wanted.Length; i++)
            {
                Assert.True(wanted[i] != 0 || probabilities[i] == 0, $"{setting.Name}: token {i} can be drawn");
            }
        }
    }

    private static FilterSampler Sampler(JsonElement row)
    {
        if (row.GetProperty("kind").GetString() == "reference_top_p")
        {
            return new FilterSampler(
                new LogitsFilter(LogitsFilterKind.Temperature, row.GetProperty("temperature").GetDouble()),
                new LogitsFilter(LogitsFilterKind.TopPByMassBefore, row.GetProperty("top_p").GetDouble()));
        }

        return new FilterSampler([.. row.GetProperty("order").EnumerateArray().Select(name => name.GetString() switch
        {
            "temperature" => new LogitsFilter(LogitsFilterKind.Temperature, row.GetProperty("temperature").GetDouble()),
            "top_k" => new LogitsFilter(LogitsFilterKind.TopK, row.GetProperty("top_k").GetDouble()),
            "top_p" => new LogitsFilter(LogitsFilterKind.TopPByTailMass, row.GetProperty("top_p").GetDouble()),
            "min_p" => new LogitsFilter(LogitsFilterKind.MinP, row.GetProperty("min_p").GetDouble()),
            _ => new LogitsFilter(LogitsFilterKind.Typical, row.GetProperty("typical_p").GetDouble()),
        })]);
    }

    private static string? Problem(JsonElement row, float[] probabilities, GoldenTensors expected)
    {
        int kept = row.GetProperty("kept").GetInt32();
        bool roundingNoise = kept != row.GetProperty("kept_float64").GetInt32()
            || (row.TryGetProperty("margin", out JsonElement margin) && margin.GetDouble() <= 1e-6);
        int found = probabilities.Count(p => p > 0);
        if (found != kept && !roundingNoise)
        {
            return $"keeps {found}";
        }

        if (!row.TryGetProperty("key", out JsonElement key))
        {
            double[] top = [.. row.GetProperty("p_top").EnumerateArray().Select(p => p.GetDouble())];
            float[] sorted = [.. probabilities.OrderDescending().Take(top.Length)];
            return top.Zip(sorted).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-5) ? null : "the largest probabilities differ";
        }

        long[] index = expected.Int64($"{key.GetString()}.index");
        float[] wanted = expected.Float($"{key.GetString()}.p");
        float[] own = [.. Enumerable.Range(0, probabilities.Length).Where(i => probabilities[i] > 0).Select(i => probabilities[i])];
        long[] ownIndex = [.. Enumerable.Range(0, probabilities.Length).Where(i => probabilities[i] > 0).Select(i => (long)i)];
        if (roundingNoise && found != kept)
        {
            return null;
        }

        if (row.GetProperty("tie_at_border").GetBoolean())
        {
            return own.Order().Zip(wanted.Order()).All(pair => MathF.Abs(pair.First - pair.Second) <= 1e-5f) ? null : "the probabilities differ";
        }

        return !index.SequenceEqual(ownIndex) ? "keeps other tokens"
            : own.Zip(wanted).All(pair => MathF.Abs(pair.First - pair.Second) <= 1e-5f) ? null : "the probabilities differ";
    }

    private static double? Value(JsonElement settings, string name) => settings.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : null;
}
