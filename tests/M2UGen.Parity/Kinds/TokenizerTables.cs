using System.Text.Json;

namespace M2UGen.Parity.Kinds;

/// <summary>The tables and tokenizer folders that a tokenizer case lists under <c>files</c>.</summary>
internal static class TokenizerTables
{
    /// <summary>The names of the JSON tables, as case.json lists them.</summary>
    public static IEnumerable<string> Names(ParityCase c) =>
        Files(c).Where(name => name.EndsWith(".json", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal));

    /// <summary>The rows of a table.</summary>
    public static List<JsonElement> Rows(ParityCase c, string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(c.Resolve(name)));
        return [.. document.RootElement.EnumerateArray().Select(row => row.Clone())];
    }

    /// <summary>The root of a file that is no table but one batch (texts, input_ids, attention_mask); null for a table.</summary>
    public static JsonElement? Batch(ParityCase c, string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(c.Resolve(name)));
        return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
    }

    /// <summary>
    /// The folder that a table belongs to: "encode-x.json" was made with the folder whose name ends in "-x", a table without such an ending
    /// with the folder of the shortest name.
    /// </summary>
    public static string FolderOf(ParityCase c, string table)
    {
        string[] folders =
        [
            .. Files(c)
                .Select(name => name.EndsWith('/') ? name.TrimEnd('/') : Path.GetFileName(name) == "tokenizer.model" ? Path.GetDirectoryName(name)! : "")
                .Where(name => name.Length > 0)
                .Distinct(),
        ];
        string stem = Path.GetFileNameWithoutExtension(table);
        int dash = stem.IndexOf('-', StringComparison.Ordinal);
        string? found = dash < 0
            ? folders.MinBy(name => name.Length)
            : folders.FirstOrDefault(name => name.EndsWith(stem[dash..], StringComparison.Ordinal));
        return c.Resolve(found ?? throw new ParityException($"case.json of '{c.Name}' lists no tokenizer folder for '{table}'."));
    }

    public static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>A row's name for messages.</summary>
    public static string NameOf(JsonElement row, int index) =>
        row.TryGetProperty("text", out JsonElement text) ? $"row {index} {text.GetRawText()}" : $"row {index}";

    private static IEnumerable<string> Files(ParityCase c) =>
        c.Json.GetProperty("files").EnumerateObject().Select(file => file.Name);
}
