using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>A fast tokenizer with the case's own files, each table with the folder that it was made with.</summary>
/// <param name="kind">The case's kind.</param>
/// <param name="load">Loads the tokenizer of a folder.</param>
/// <param name="optionalFile">A file without which the tokenizer must be the same: everything is checked again without it.</param>
internal sealed class FastTokenizerKind(string kind, Func<string, FastTextTokenizer> load, string? optionalFile = null) : IParityKind
{
    public bool Handles(string other) => other == kind;

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string table in TokenizerTables.Names(c))
        {
            string folder = TokenizerTables.FolderOf(c, table);
            CheckTable(c, report, table, table, load(folder), cancellationToken);
            if (optionalFile is not null && File.Exists(Path.Combine(folder, optionalFile)))
            {
                using PartialFolder other = new(folder, optionalFile);
                CheckTable(c, report, table, $"{table} (without {optionalFile})", load(other.Path), cancellationToken);
            }
        }
    }

    private static void CheckTable(ParityCase c, ParityReport report, string table, string name, FastTextTokenizer tokenizer, CancellationToken cancellationToken)
    {
        if (TokenizerTables.Batch(c, table) is { } batch)
        {
            CheckBatch(report, name, batch, tokenizer);
            return;
        }

        List<JsonElement> rows = TokenizerTables.Rows(c, table);
        Dictionary<string, TableCheck> checks = [];
        for (int i = 0; i < rows.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string row = TokenizerTables.NameOf(rows[i], i);
            foreach (JsonProperty column in rows[i].EnumerateObject())
            {
                if (!checks.TryGetValue(column.Name, out TableCheck? check))
                {
                    checks[column.Name] = check = new TableCheck($"{name} {column.Name}");
                }

                CheckColumn(check, row, rows[i], column, tokenizer);
            }
        }

        foreach (TableCheck check in checks.Values)
        {
            check.Report(report);
        }
    }

    /// <summary>Several texts padded to the longest of them.</summary>
    private static void CheckBatch(ParityReport report, string name, JsonElement batch, FastTextTokenizer tokenizer)
    {
        string[] texts = [.. batch.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
        int longest = texts.Max(text => tokenizer.Encode(text).Length);
        TableCheck ids = new($"{name} input_ids");
        TableCheck masks = new($"{name} attention_mask");
        for (int i = 0; i < texts.Length; i++)
        {
            (int[] padded, int[] mask) = tokenizer.EncodePadded(texts[i], longest);
            ids.Ids($"text {i}", TokenizerTables.Ids(batch.GetProperty("input_ids")[i]), padded);
            masks.Ids($"text {i}", TokenizerTables.Ids(batch.GetProperty("attention_mask")[i]), mask);
        }

        ids.Report(report);
        masks.Report(report);
    }

    private static void CheckColumn(TableCheck check, string name, JsonElement row, JsonProperty column, FastTextTokenizer tokenizer)
    {
        int[] ids = TokenizerTables.Ids(row.GetProperty("ids"));
        string? text = row.TryGetProperty("text", out JsonElement value) ? value.GetString() : null;
        switch (column.Name)
        {
            case "text" or "slow_ids": // the slow class is not what the reference runs
                break;
            case "ids":
                if (text is not null)
                {
                    check.Ids(name, ids, tokenizer.Encode(text));
                }

                break;
            case "bare" when text is not null:
                check.Ids(name, TokenizerTables.Ids(column.Value), tokenizer.Encode(text).AsSpan()[..^tokenizer.SpecialTokenCount]);
                break;
            case "decoded":
                check.Text(name, column.Value.GetString(), tokenizer.Decode(ids));
                break;
            case "decoded_skip":
                check.Text(name, column.Value.GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
                break;
            case "decoded_noclean":
                check.Text(name, column.Value.GetString(), tokenizer.Decode(ids, cleanUpSpaces: false));
                break;
            case ['l', 'e', 'n', 'g', 't', 'h', '_', .. var number] when text is not null:
                CheckPadded(check, name, text, ids, column.Value.GetInt32(), int.Parse(number, CultureInfo.InvariantCulture), tokenizer);
                break;
            case ['i', 'd', 's', '_', .. var number] when text is not null:
                check.Ids(name, TokenizerTables.Ids(column.Value), tokenizer.EncodePadded(text, int.Parse(number, CultureInfo.InvariantCulture)).Ids);
                break;
            default:
                check.Equal($"{name}: column '{column.Name}'", "a known column", "no check for it");
                break;
        }
    }

    private static void CheckPadded(TableCheck check, string name, string text, int[] ids, int length, int maxLength, FastTextTokenizer tokenizer)
    {
        (int[] padded, int[] mask) = tokenizer.EncodePadded(text, maxLength);
        int[] whole = ids.Length > maxLength ? [.. ids[..(maxLength - 1)], ids[^1]] : [.. ids, .. Enumerable.Repeat(tokenizer.PadId, maxLength - ids.Length)];
        check.Ids(name, [.. whole, length], [.. padded, mask.Sum()]);
    }

    /// <summary>A copy of a folder that lacks one file.</summary>
    private sealed class PartialFolder : IDisposable
    {
        public PartialFolder(string folder, string without)
        {
            foreach (string file in Directory.EnumerateFiles(folder).Where(file => System.IO.Path.GetFileName(file) != without))
            {
                File.Copy(file, System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)));
            }
        }

        public string Path { get; } = Directory.CreateTempSubdirectory("m2ugen-tokenizer-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
