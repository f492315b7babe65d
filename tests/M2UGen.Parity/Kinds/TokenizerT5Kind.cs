using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>The fast T5 tokenizer with the case's own files, each table with the folder that it was made with.</summary>
internal sealed class TokenizerT5Kind : IParityKind
{
    public bool Handles(string kind) => kind == "tokenizer-t5";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string table in TokenizerTables.Names(c))
        {
            T5TextTokenizer tokenizer = T5TextTokenizer.Load(TokenizerTables.FolderOf(c, table));
            List<JsonElement> rows = TokenizerTables.Rows(c, table);
            Dictionary<string, TableCheck> checks = [];
            for (int i = 0; i < rows.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                string name = TokenizerTables.NameOf(rows[i], i);
                foreach (JsonProperty column in rows[i].EnumerateObject())
                {
                    if (!checks.TryGetValue(column.Name, out TableCheck? check))
                    {
                        checks[column.Name] = check = new TableCheck($"{table} {column.Name}");
                    }

                    CheckColumn(check, name, rows[i], column, tokenizer);
                }
            }

            foreach (TableCheck check in checks.Values)
            {
                check.Report(report);
            }
        }
    }

    private static void CheckColumn(TableCheck check, string name, JsonElement row, JsonProperty column, T5TextTokenizer tokenizer)
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

    private static void CheckPadded(TableCheck check, string name, string text, int[] ids, int length, int maxLength, T5TextTokenizer tokenizer)
    {
        (int[] padded, int[] mask) = tokenizer.EncodePadded(text, maxLength);
        int[] whole = ids.Length > maxLength ? [.. ids[..(maxLength - 1)], ids[^1]] : [.. ids, .. Enumerable.Repeat(tokenizer.PadId, maxLength - ids.Length)];
        check.Ids(name, [.. whole, length], [.. padded, mask.Sum()]);
    }
}
