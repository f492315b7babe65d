using System.Text;
using System.Text.Json;
using M2UGen.Sdk.Language.Generation;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>Holds a LLaMA tokenizer to the tables of a case.</summary>
internal static class LlamaTokenizerTables
{
    /// <summary>Checks what case.json itself states about the vocabulary.</summary>
    public static void CheckCase(ParityCase c, ParityReport report, LlamaTextTokenizer tokenizer)
    {
        if (c.Json.TryGetProperty("audio_ids", out JsonElement audio))
        {
            long[] own = [.. Enumerable.Range(tokenizer.AudioTokenStart, LlamaTextTokenizer.AudioTokenCount).Select(id => (long)id)];
            report.CheckIds("audio_ids", [.. audio.EnumerateArray().Select(id => id.GetInt64())], own);
        }

        if (c.Json.TryGetProperty("newline_id", out JsonElement newline))
        {
            report.CheckIds("newline_id", [newline.GetInt64()], [tokenizer.NewlineId]);
        }
    }

    /// <summary>Runs one table.</summary>
    public static void Run(ParityCase c, ParityReport report, string table, LlamaTextTokenizer tokenizer, CancellationToken cancellationToken)
    {
        string stem = table.Split('-', '.')[0];
        List<JsonElement> rows = TokenizerTables.Rows(c, table);
        switch (stem)
        {
            case "encode" or "decode":
                CheckTexts(report, table, rows, tokenizer, cancellationToken);
                break;
            case "stop":
                CheckStops(report, table, rows, tokenizer);
                break;
            case "answers":
                CheckAnswers(report, table, rows, tokenizer);
                break;
            default:
                report.Fail(table, "no check is known for this table");
                break;
        }
    }

    private static void CheckTexts(
        ParityReport report, string table, List<JsonElement> rows, LlamaTextTokenizer tokenizer, CancellationToken cancellationToken)
    {
        TableCheck encoded = new($"{table} ids");
        TableCheck decoded = new($"{table} decoded");
        TableCheck skipped = new($"{table} decoded_skip");
        TableCheck tail = new($"{table} tail3");
        TableCheck bare = new($"{table} bare_decoded");
        TableCheck stream = new($"{table} stream");
        TableCheck deltas = new($"{table} streamed deltas together");
        for (int i = 0; i < rows.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            JsonElement row = rows[i];
            string name = TokenizerTables.NameOf(row, i);
            int[] ids = TokenizerTables.Ids(row.GetProperty("ids"));
            int[] streamed = ids;
            if (row.TryGetProperty("text", out JsonElement text))
            {
                encoded.Ids(name, ids, tokenizer.Encode(text.GetString()!));
                streamed = ids[1..];
            }

            CheckText(decoded, name, row, "decoded", () => tokenizer.Decode(ids));
            CheckText(skipped, name, row, "decoded_skip", () => tokenizer.Decode(ids, skipSpecialTokens: true));
            CheckText(tail, name, row, "tail3", () => tokenizer.Decode(ids.AsSpan(Math.Max(0, ids.Length - 3))));
            CheckText(bare, name, row, "bare_decoded", () => tokenizer.Decode(ids.AsSpan(1)));
            CheckStream(stream, name, row, streamed, tokenizer);
            deltas.Text(name, tokenizer.Decode(ids), Together(new StreamingDetokenizer(tokenizer, exact: true), ids));
        }

        foreach (TableCheck check in new[] { encoded, decoded, skipped, tail, bare, stream, deltas })
        {
            check.Report(report);
        }
    }

    private static void CheckText(TableCheck check, string name, JsonElement row, string column, Func<string> actual)
    {
        if (row.TryGetProperty(column, out JsonElement expected))
        {
            check.Text(name, expected.GetString(), actual());
        }
    }

    /// <summary>Step k of a stream keeps so many code points of the text before and appends the rest: the decoding of the first k ids.</summary>
    private static void CheckStream(TableCheck check, string name, JsonElement row, int[] ids, LlamaTextTokenizer tokenizer)
    {
        if (!row.TryGetProperty("stream", out JsonElement steps))
        {
            return;
        }

        string text = "";
        int count = 0;
        foreach (JsonElement step in steps.EnumerateArray())
        {
            text = string.Concat(text.EnumerateRunes().Take(step[0].GetInt32())) + step[1].GetString();
            string actual = tokenizer.Decode(ids.AsSpan(0, ++count));
            if (actual != text)
            {
                check.Text($"{name} after {count} ids", text, actual);
                return;
            }
        }

        check.Equal(name, ids.Length, count);
    }

    private static string Together(StreamingDetokenizer stream, int[] ids)
    {
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(stream.Push(id));
        }

        return text.Append(stream.Complete()).ToString();
    }

    private static void CheckStops(ParityReport report, string table, List<JsonElement> rows, LlamaTextTokenizer tokenizer)
    {
        TableCheck stops = new($"{table} stop");
        TableCheck decoded = new($"{table} decoded");
        StopRule rule = new(tokenizer, stopAtEndOfSequence: false);
        for (int i = 0; i < rows.Count; i++)
        {
            int[] ids = TokenizerTables.Ids(rows[i].GetProperty("ids"));
            rule.Reset(ids.AsSpan(0, ids.Length - 1));
            stops.Equal($"[{string.Join(",", ids)}]", rows[i].GetProperty("stop").GetBoolean(), rule.Push(ids[^1]));
            CheckText(decoded, $"[{string.Join(",", ids)}]", rows[i], "decoded", () => tokenizer.Decode(ids));
        }

        stops.Report(report);
        decoded.Report(report);
    }

    private static void CheckAnswers(ParityReport report, string table, List<JsonElement> rows, LlamaTextTokenizer tokenizer)
    {
        TableCheck answers = new($"{table} answer");
        TableCheck music = new($"{table} music");
        TableCheck demo = new($"{table} gradio_shown");
        TableCheck inference = new($"{table} inference_shown");
        for (int i = 0; i < rows.Count; i++)
        {
            int[] ids = TokenizerTables.Ids(rows[i].GetProperty("generated"));
            string raw = AnswerText.Raw(tokenizer, ids);
            AudioTokenCollector collector = new(tokenizer);
            foreach (int id in ids)
            {
                collector.Push(id);
            }

            CheckText(answers, $"row {i}", rows[i], "answer", () => raw);
            CheckText(demo, $"row {i}", rows[i], "gradio_shown", () => AnswerText.ShownByDemo(raw));
            CheckText(inference, $"row {i}", rows[i], "inference_shown", () => AnswerText.ShownByInference(raw));
            music.Equal($"row {i}", rows[i].GetProperty("music").GetBoolean(), collector.IsComplete);
        }

        foreach (TableCheck check in new[] { answers, music, demo, inference })
        {
            check.Report(report);
        }
    }
}
