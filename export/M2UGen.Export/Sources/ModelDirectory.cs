using System.Text.Json;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>Tells what kind of model a directory holds, from its small files alone.</summary>
internal static class ModelDirectory
{
    private const int MaxConfigBytes = 16 << 20;

    /// <summary>Whether <paramref name="directory"/> holds a MusicGen as transformers saves it.</summary>
    public static bool IsMusicGen(string directory) => ModelType(directory) is "musicgen" or "musicgen_melody";

    /// <summary>Whether <paramref name="directory"/> holds a diffusers pipeline, as AudioLDM2 is published.</summary>
    public static bool IsDiffusers(string directory) => File.Exists(Path.Combine(directory, "model_index.json"));

    /// <summary>The folders of <paramref name="directory"/> that hold a LLaMA's params.json, by name; empty for other directories.</summary>
    public static IReadOnlyList<string> LlamaTypes(string directory) => [.. Subdirectories(directory)
        .Where(folder => File.Exists(Path.Combine(folder, "params.json")))
        .Select(folder => Path.GetFileName(folder))];

    /// <summary>The folders in <paramref name="directory"/> in ordinal order.</summary>
    public static IEnumerable<string> Subdirectories(string directory)
        => Directory.EnumerateDirectories(directory).Order(StringComparer.Ordinal);

    /// <summary>An integer of a JSON file in <paramref name="directory"/>, or null where file or key are absent or damaged.</summary>
    public static long? Integer(string directory, string file, string key)
        => Read(Path.Combine(directory, file), root => root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : (long?)null);

    /// <summary>The <c>model_type</c> that the directory's config.json states, or null.</summary>
    public static string? ModelType(string directory) => ConfigText(directory, "model_type");

    /// <summary>The <c>_class_name</c> that the directory's config.json states, as diffusers' models do, or null.</summary>
    public static string? ClassName(string directory) => ConfigText(directory, "_class_name");

    private static string? ConfigText(string directory, string key)
        => Read(Path.Combine(directory, "config.json"), root => root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null);

    private static T? Read<T>(string path, Func<JsonElement, T?> select)
    {
        if (!File.Exists(path) || WholeFile.Read(path, MaxConfigBytes, out _) is not { } bytes)
        {
            return default;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object ? select(document.RootElement) : default;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text that is no valid Unicode. Not a model's configuration, then; whoever opens the directory says more.
            return default;
        }
    }
}
