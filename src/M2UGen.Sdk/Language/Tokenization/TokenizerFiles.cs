using System.Text.Json;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>Opens a tokenizer's files with a limit on their size, so that a stranger's file cannot fill the memory.</summary>
internal static class TokenizerFiles
{
    private const int LongestJson = 24 << 20;

    /// <summary>Reads a whole file of at most <paramref name="longest"/> bytes.</summary>
    /// <exception cref="ModelBundleException">The file is missing, unreadable or longer.</exception>
    public static byte[] ReadAllBytes(string path, int longest)
    {
        try
        {
            if (!File.Exists(path))
            {
                throw new ModelBundleException(path, $"There is no tokenizer file '{path}'. Correct the path or copy the file there.");
            }

            return WholeFile.Read(path, longest, out long length)
                ?? throw new ModelBundleException(path, $"'{path}' has {length} bytes; a tokenizer file has at most {longest}. It is not a tokenizer file.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelBundleException(path, $"'{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Reads a JSON file whose root is an object; the caller disposes the document.</summary>
    /// <exception cref="ModelBundleException">The file is missing, not JSON or not an object.</exception>
    public static JsonDocument ReadJson(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(
                ReadAllBytes(path, LongestJson), new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        }
        catch (JsonException error)
        {
            throw new ModelBundleException(path, $"'{path}' is not JSON: {error.Message}", error);
        }

        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            JsonValueKind kind = document.RootElement.ValueKind;
            document.Dispose();
            throw new ModelBundleException(path, $"'{path}' holds a JSON {kind}, expected an object.");
        }

        return document;
    }

    /// <summary>A boolean property, or null where it is absent or null.</summary>
    /// <exception cref="ModelBundleException">It is there and of another kind.</exception>
    public static bool? Boolean(JsonElement parent, string name, string path) => Property(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Wrong(path, name, "a boolean", other),
    };

    /// <summary>A string property, or null where it is absent or null.</summary>
    /// <exception cref="ModelBundleException">It is there and of another kind.</exception>
    public static string? Text(JsonElement parent, string name, string path) => Property(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => String(text, name, path),
        { } other => throw Wrong(path, name, "a string", other),
    };

    /// <summary>A 32-bit integer property, or null where it is absent or null.</summary>
    /// <exception cref="ModelBundleException">It is there and of another kind.</exception>
    public static int? Integer(JsonElement parent, string name, string path) => Property(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out int value) => value,
        { } other => throw Wrong(path, name, "a 32-bit integer", other),
    };

    /// <summary>A property's value, or null where it is absent or JSON null.</summary>
    public static JsonElement? Property(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    /// <summary>The text of a JSON string; half a surrogate pair in an escape is an error of the file.</summary>
    /// <exception cref="ModelBundleException">The string is not valid Unicode.</exception>
    public static string String(JsonElement value, string name, string path)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new ModelBundleException(path, $"'{name}' in '{path}' is not valid text.", error);
        }
    }

    /// <summary>The error for a property of the wrong kind.</summary>
    public static ModelBundleException Wrong(string path, string name, string wanted, JsonElement found) =>
        new(path, $"'{name}' in '{path}' is a JSON {found.ValueKind}, expected {wanted}.");
}
