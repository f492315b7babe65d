using System.Globalization;
using System.Text.Json;

namespace M2UGen.Export.Comparison;

/// <summary>Writes a <see cref="BundleComparison"/> for people and for programs.</summary>
internal static class ComparisonWriter
{
    private const int WorstShown = 8;

    /// <summary>As lines of text.</summary>
    public static void WriteText(TextWriter output, BundleComparison comparison)
    {
        foreach (ComparedComponent component in comparison.Components.Where(component => component.Precision != component.ReferencePrecision))
        {
            Line($"{component.Name}: {component.ReferencePrecision} {component.ReferenceBytes / 1e6:0.0} MB -> {component.Precision} {component.Bytes / 1e6:0.0} MB");
        }

        if (comparison.Language is { } language)
        {
            string differences = string.Join(", ", language.FirstDifferences.Select(token => token is { } number ? (number + 1).ToString(CultureInfo.InvariantCulture) : "none"));
            Line($"llama, {language.Tokens.Count} tokens of {language.FirstDifferences.Count} greedy answers:");
            Distribution("  ", language.Tokens, "tokens");
            Line($"  first token that differs: {differences}");
            Worst(language.Layers);
        }

        if (comparison.Music is { } music)
        {
            DistributionStatistics all = Sum(music.Codebooks);
            Line($"musicgen-decoder, {all.Count} codes drawn with guidance:");
            Distribution("  ", all, "codes");
            for (int k = 0; k < music.Codebooks.Count; k++)
            {
                Line($"  codebook {k}: KL {music.Codebooks[k].MeanDivergence:0.0000}, same {100 * music.Codebooks[k].Agreement:0.0} %");
            }

            Worst(music.Layers);
        }

        void Distribution(string indent, DistributionStatistics statistics, string what)
        {
            Line($"{indent}KL(reference || other) in nats: mean {statistics.MeanDivergence:0.0000}, median {statistics.MedianDivergence:0.0000}, largest {statistics.LargestDivergence:0.0000}");
            Line($"{indent}same most probable {what}: {100 * statistics.Agreement:0.0} %");
        }

        void Worst(LayerErrors layers)
        {
            foreach ((string stage, double error) in layers.Worst.Take(WorstShown))
            {
                Line($"  {stage}: relative error {100 * error:0.00} %");
            }
        }

        void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>As one JSON object.</summary>
    public static void WriteJson(Utf8JsonWriter json, BundleComparison comparison)
    {
        json.WriteStartObject();
        json.WriteStartArray("components");
        foreach (ComparedComponent component in comparison.Components)
        {
            json.WriteStartObject();
            json.WriteString("name", component.Name);
            json.WriteString("reference_precision", component.ReferencePrecision);
            json.WriteNumber("reference_bytes", component.ReferenceBytes);
            json.WriteString("precision", component.Precision);
            json.WriteNumber("bytes", component.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (comparison.Language is { } language)
        {
            json.WriteStartObject("llama");
            Distribution(language.Tokens);
            json.WriteStartArray("first_differences");
            foreach (int? token in language.FirstDifferences)
            {
                if (token is { } number)
                {
                    json.WriteNumberValue(number);
                }
                else
                {
                    json.WriteNullValue();
                }
            }

            json.WriteEndArray();
            Layers(language.Layers);
            json.WriteEndObject();
        }

        if (comparison.Music is { } music)
        {
            json.WriteStartObject("musicgen");
            Distribution(Sum(music.Codebooks));
            json.WriteStartArray("codebooks");
            foreach (DistributionStatistics codebook in music.Codebooks)
            {
                json.WriteStartObject();
                Distribution(codebook);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            Layers(music.Layers);
            json.WriteEndObject();
        }

        json.WriteEndObject();

        void Distribution(DistributionStatistics statistics)
        {
            json.WriteNumber("count", statistics.Count);
            json.WriteNumber("kl_mean", statistics.MeanDivergence);
            json.WriteNumber("kl_median", statistics.MedianDivergence);
            json.WriteNumber("kl_largest", statistics.LargestDivergence);
            json.WriteNumber("agreement", statistics.Agreement);
        }

        void Layers(LayerErrors layers)
        {
            json.WriteStartObject("layers");
            foreach ((string stage, double error) in layers.Worst)
            {
                json.WriteNumber(stage, error);
            }

            json.WriteEndObject();
        }
    }

    private static DistributionStatistics Sum(IEnumerable<DistributionStatistics> parts)
    {
        DistributionStatistics sum = new();
        foreach (DistributionStatistics part in parts)
        {
            sum.Add(part);
        }

        return sum;
    }
}
