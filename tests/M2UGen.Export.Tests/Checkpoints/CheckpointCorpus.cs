using System.Text.Json;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Checkpoints;

/// <summary>The rows of the golden case <c>checkpoint-files</c>: files with a verdict, and files to be made from them.</summary>
internal static class CheckpointCorpus
{
    public static string Folder { get; } = Repository.Golden("checkpoint-files");

    private static JsonDocument Case { get; } = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "case.json")));

    public static IEnumerable<JsonElement> Rows => Case.RootElement.GetProperty("files").EnumerateArray();

    public static JsonElement Row(string file) => Rows.Single(r => FileOf(r) == file);

    public static string? FileOf(JsonElement row) => row.TryGetProperty("file", out JsonElement file) ? file.GetString() : null;

    public static string Verdict(JsonElement row) => row.GetProperty("verdict").GetString()!;
}
