using System.Text.Json;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// Rows <c>sampling.N</c>: our own logits at the first answer positions, and what the reference's top-p rule leaves to draw from. The rule is judged on the
/// expected logits: on our own, a cut that is close may fall the other way.
/// </summary>
internal static class M2UGenSampling
{
    public static void Run(ParityCase c, M2UGenSession session, JsonElement rows, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonElement row in rows.EnumerateArray())
        {
            string name = $"sampling.{row.GetProperty("index").GetInt32()}";
            report.Row(name, () => RunRow(c, session, row, name, report, cancellationToken));
        }
    }

    private static void RunRow(ParityCase c, M2UGenSession session, JsonElement row, string name, ParityReport report, CancellationToken cancellationToken)
    {
        int[] ids = [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
        int promptTokens = row.GetProperty("prompt_tokens").GetInt32();
        int[] prompt = session.Tokenizer.Encode(PromptTemplate.Format(row.GetProperty("question").GetString()!));
        report.CheckIds($"{name}.prompt_ids", Array.ConvertAll(ids[..promptTokens], id => (long)id), Array.ConvertAll(prompt, id => (long)id));

        float[] expected = c.Expected.Float($"{name}.logits");
        int vocabulary = session.Config.VocabularySize;
        int positions = (int)c.Expected.Shape($"{name}.logits")[0];
        float[] logits = new float[positions * vocabulary];
        using (LlamaDecoder decoder = session.Decode(ids.Length, session.TextPrefix))
        {
            for (int k = 0; k < positions; k++)
            {
                // Row k is the prediction of answer token k: what stands at position promptTokens - 1 + k.
                decoder.Prefill(k == 0 ? ids.AsSpan(0, promptTokens) : ids.AsSpan(promptTokens + k - 1, 1), promptTokens, cancellationToken);
                decoder.Logits.CopyTo(logits.AsSpan(k * vocabulary));
            }
        }

        report.Compare($"{name}.logits", logits, [positions, vocabulary]);
        if (expected.Length != positions * vocabulary)
        {
            report.Fail($"{name}.probs", $"the expected logits do not have {vocabulary} columns");
            return;
        }

        ITokenSampler sampler = new SamplingOptions
        {
            Temperature = row.GetProperty("temperature").GetDouble(),
            TopP = row.GetProperty("top_p").GetDouble(),
            TopPRule = TopPRule.MassBefore,
        }.CreateSampler();
        float[] probabilities = new float[expected.Length];
        for (int k = 0; k < positions; k++)
        {
            sampler.Probabilities(expected.AsSpan(k * vocabulary, vocabulary), probabilities.AsSpan(k * vocabulary, vocabulary));
        }

        report.Compare($"{name}.probs", probabilities, [positions, vocabulary]);
    }
}
