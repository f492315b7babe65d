using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds;

/// <summary>The chroma half of a melody case: waves and stems to one-hot pitch classes, through the SDK's extractor.</summary>
internal static partial class MelodyChroma
{
    /// <summary>Compares every tensor of the case that chroma extraction gives.</summary>
    /// <param name="c">The case.</param>
    /// <param name="report">Receives a line a tensor.</param>
    /// <param name="extractor">As the exported bundle configures it.</param>
    public static void Run(ParityCase c, ParityReport report, ChromaExtractor extractor)
    {
        foreach (string input in c.Inputs.Names.Where(n => n.StartsWith("chroma_wave/", StringComparison.Ordinal)))
        {
            Compare(c, report, input["chroma_wave/".Length..], extractor.Extract(Wave(c, input)));
        }

        if (c.Inputs.Has("stems"))
        {
            AudioClip mono = Stems(c, extractor);
            CompareIfExpected(c, report, "stems_mono", mono.Samples.Span, [1, mono.SampleCount]);
            Compare(c, report, "stems", extractor.Extract(mono));
        }

        if (c.Expected.Has("chroma/batch"))
        {
            ChromaFeatures[] batch = Batch(c, extractor);
            float[] rows = [.. batch.SelectMany(f => f.OneHot())];
            report.Compare("chroma/batch", rows, [batch.Length, batch[0].FrameCount, batch[0].ChromaCount]);
        }

        CompareIfExpected(c, report, "window_sum_squares", [(float)extractor.WindowSumSquares], []);
        if (c.Expected.Has("chroma_filters"))
        {
            CompareFilters(c, report, extractor);
        }
    }

    /// <summary>The chroma that an expected tensor holds, made from what it was made of.</summary>
    /// <param name="c">The case.</param>
    /// <param name="extractor">As the exported bundle configures it.</param>
    /// <param name="tensor">`chroma/NAME`.</param>
    /// <returns>One melody; several for `chroma/batch`.</returns>
    public static ChromaFeatures[] Features(ParityCase c, ChromaExtractor extractor, string tensor)
    {
        string name = tensor["chroma/".Length..];
        return name switch
        {
            "batch" => Batch(c, extractor),
            "stems" => [extractor.Extract(Stems(c, extractor))],
            _ => [extractor.Extract(Wave(c, $"chroma_wave/{name}"))],
        };
    }

    private static ChromaFeatures[] Batch(ParityCase c, ChromaExtractor extractor) =>
        extractor.ExtractBatch([.. BatchNames(c).Select(name => Wave(c, $"chroma_wave/{name}").Samples.ToArray())]);

    private static AudioClip Stems(ParityCase c, ChromaExtractor extractor)
    {
        long[] shape = c.Inputs.Shape("stems");
        return extractor.MixStems(Samples(c, "stems"), (int)shape[^3], (int)shape[^2], Rate(c, "stems"));
    }

    private static void Compare(ParityCase c, ParityReport report, string name, ChromaFeatures features)
    {
        long[] shape = [1, features.FrameCount, features.ChromaCount];
        CompareIfExpected(c, report, $"chroma/{name}", features.OneHot(), shape);
        CompareIfExpected(c, report, $"chroma_normalised/{name}", features.Normalised, shape);
    }

    private static void CompareIfExpected(ParityCase c, ParityReport report, string tensor, ReadOnlySpan<float> actual, ReadOnlySpan<long> shape)
    {
        if (c.Expected.Has(tensor))
        {
            report.Compare(tensor, actual, shape);
        }
    }

    /// <summary>Cases keep every n-th column of the filter bank, the first and the last included.</summary>
    private static void CompareFilters(ParityCase c, ParityReport report, ChromaExtractor extractor)
    {
        long[] shape = c.Expected.Shape("chroma_filters");
        int bins = extractor.Filters.Length / extractor.Config.ChromaCount;
        int columns = (int)shape[^1];
        int step = columns > 1 ? Math.Max(1, (bins - 1) / (columns - 1)) : bins;
        int kept = 1 + ((bins - 1) / step);
        float[] filters = new float[extractor.Config.ChromaCount * kept];
        for (int i = 0; i < filters.Length; i++)
        {
            filters[i] = extractor.Filters[(i / kept * bins) + (i % kept * step)];
        }

        report.Compare("chroma_filters", filters, [extractor.Config.ChromaCount, kept]);
    }

    /// <summary>Which waves make the batch stands in the tensor's description, as "batch [short, exact]".</summary>
    private static string[] BatchNames(ParityCase c)
    {
        string description = c.Json.GetProperty("tensors").GetProperty("expected").GetProperty("chroma/batch").GetString() ?? "";
        Match names = BatchPattern().Match(description);
        return names.Success
            ? names.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : throw new ParityException($"case.json does not say which waves 'chroma/batch' holds: '{description}'.");
    }

    private static AudioClip Wave(ParityCase c, string tensor) => AudioClip.FromSamples(Samples(c, tensor), Rate(c, tensor));

    private static float[] Samples(ParityCase c, string tensor)
    {
        float scale = c.Inputs.IsInteger(tensor) ? 1f / 32768 : 1f;
        return Array.ConvertAll(c.Inputs.Double(tensor), v => (float)v * scale);
    }

    private static int Rate(ParityCase c, string tensor) =>
        c.Json.GetProperty("sample_rates").TryGetProperty(tensor, out JsonElement rate) ? rate.GetInt32() : throw new ParityException($"case.json gives no sample rate of '{tensor}'.");

    [GeneratedRegex(@"batch \[([^\]]*)\]")]
    private static partial Regex BatchPattern();
}
