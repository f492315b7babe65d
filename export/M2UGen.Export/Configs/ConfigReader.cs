using System.Text.Json;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Configs;

/// <summary>Reads one JSON object of a configuration file and remembers everything that is missing or wrong, so that one error can list it all.</summary>
/// <remarks>A stranger's file: its size, depth and numbers are bounded before anything is built from them. Unknown keys are ignored, as transformers does.</remarks>
internal sealed partial class ConfigReader
{
    /// <summary>No tensor dimension of these architectures comes near it; what is larger is a mistake or an attack.</summary>
    public const int LargestSize = 1 << 20;

    /// <summary>No published model has as many layers.</summary>
    public const int MostLayers = 1 << 10;

    private const int MaxFileBytes = 16 << 20;

    private readonly JsonElement _object;
    private readonly string _path;
    private readonly string _prefix;
    private readonly List<string> _problems;

    private ConfigReader(string path, string prefix, JsonElement element, List<string> problems)
    {
        _path = path;
        _prefix = prefix;
        _object = element;
        _problems = problems;
    }

    /// <summary>Opens a file that holds one JSON object.</summary>
    /// <exception cref="CheckpointException">The file is absent, too large, or not a JSON object.</exception>
    public static ConfigReader Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new CheckpointException(path, "there is no such file. The directory must hold the configuration beside the weights.");
        }

        byte[] bytes = WholeFile.Read(path, MaxFileBytes, out long length) ?? throw new CheckpointException(path, $"has {length} bytes; a configuration has at most {MaxFileBytes}.");
        try
        {
            CheckText(bytes);
            using JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigReader(path, "", document.RootElement.Clone(), [])
                : throw new CheckpointException(path, $"holds a JSON {document.RootElement.ValueKind}, expected an object.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(path, $"is not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>Opens a file that may be absent: then every key is.</summary>
    public static ConfigReader OpenOptional(string path)
    {
        if (File.Exists(path))
        {
            return Open(path);
        }

        using JsonDocument document = JsonDocument.Parse("{}");
        return new ConfigReader(path, "", document.RootElement.Clone(), []);
    }

    /// <summary>Whether <paramref name="key"/> is there with a value other than null.</summary>
    public bool Has(string key) => _object.ValueKind == JsonValueKind.Object && _object.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>An object inside this one; its problems are reported with this one's.</summary>
    public ConfigReader Section(string key)
    {
        if (Find(key, required: true) is { } value)
        {
            if (value.ValueKind == JsonValueKind.Object)
            {
                return new ConfigReader(_path, $"{_prefix}{key}.", value, _problems);
            }

            Wrong(key, value, "an object");
        }

        return new ConfigReader(_path, $"{_prefix}{key}.", default, []);
    }

    /// <summary>An object inside this one that may be left out: then all of its keys are.</summary>
    public ConfigReader SectionOr(string key)
    {
        if (Has(key))
        {
            return Section(key);
        }

        using JsonDocument document = JsonDocument.Parse("{}");
        return new ConfigReader(_path, $"{_prefix}{key}.", document.RootElement.Clone(), _problems);
    }

    /// <summary>A whole number that must be there, from <paramref name="smallest"/> to <paramref name="largest"/>.</summary>
    public int Int(string key, int smallest = 1, int largest = LargestSize) => Number(key, Find(key, required: true), smallest, smallest, largest);

    /// <summary>A whole number that may be left out.</summary>
    public int IntOr(string key, int fallback, int smallest = 1, int largest = LargestSize) => Number(key, Find(key, required: false), fallback, smallest, largest);

    /// <summary>A number that may be left out.</summary>
    public double DoubleOr(string key, double fallback, double smallest = double.MinValue, double largest = double.MaxValue)
    {
        if (Find(key, required: false) is not { } value)
        {
            return fallback;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= smallest && number <= largest)
        {
            return number;
        }

        Wrong(key, value, smallest == double.MinValue ? "a number" : $"a number from {smallest} to {largest}");
        return fallback;
    }

    /// <summary>True or false, may be left out.</summary>
    public bool BoolOr(string key, bool fallback)
    {
        switch (Find(key, required: false))
        {
            case null:
                return fallback;
            case { ValueKind: JsonValueKind.True }:
                return true;
            case { ValueKind: JsonValueKind.False }:
                return false;
            case { } value:
                Wrong(key, value, "true or false");
                return fallback;
        }
    }

    /// <summary>A text that must be there.</summary>
    public string Text(string key) => Text(key, Find(key, required: true), "");

    /// <summary>A text that may be left out.</summary>
    public string TextOr(string key, string fallback) => Text(key, Find(key, required: false), fallback);

    /// <summary>A list of whole numbers that must be there, with at least one and at most <paramref name="most"/> of them.</summary>
    public int[] Ints(string key, int most, int smallest = 1, int largest = LargestSize)
    {
        if (Find(key, required: true) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 || value.GetArrayLength() > most)
        {
            Wrong(key, value, $"a list of 1 to {most} whole numbers");
            return [];
        }

        return [.. value.EnumerateArray().Select(item => Number(key, item, smallest, smallest, largest))];
    }

    /// <summary>A list of exactly <paramref name="count"/> numbers, or one number for all of them; may be left out.</summary>
    public double[] DoublesOr(string key, int count, double fallback)
    {
        if (Find(key, required: false) is { } value)
        {
            if (value.ValueKind == JsonValueKind.Number)
            {
                return [.. Enumerable.Repeat(value.GetDouble(), count)];
            }

            if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == count && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number))
            {
                return [.. value.EnumerateArray().Select(item => item.GetDouble())];
            }

            Wrong(key, value, $"a list of {count} numbers");
        }

        return [.. Enumerable.Repeat(fallback, count)];
    }

    /// <summary>Whether <paramref name="key"/> is there and holds an object, for keys that may hold a number instead.</summary>
    public bool IsSection(string key) => Has(key) && _object.GetProperty(key).ValueKind == JsonValueKind.Object;

    /// <summary>Whether <paramref name="key"/> is there and holds a list, for keys that may hold a number instead.</summary>
    public bool IsList(string key) => Has(key) && _object.GetProperty(key).ValueKind == JsonValueKind.Array;

    /// <summary>Notes that <paramref name="key"/> asks for something that is not supported, unless <paramref name="supported"/>.</summary>
    public void Require(bool supported, string key, string what)
    {
        if (!supported && _object.ValueKind == JsonValueKind.Object)
        {
            _problems.Add($"{_prefix}{key}: {what}");
        }
    }

    /// <summary>As <see cref="Require"/>, for rules between several keys: they say nothing where keys are missing or wrong already.</summary>
    public void RequireTogether(bool consistent, string key, string what)
    {
        if (_problems.Count == 0)
        {
            Require(consistent, key, what);
        }
    }

    /// <summary>Throws when anything was missing, wrong or unsupported.</summary>
    /// <exception cref="CheckpointException">Lists all of it.</exception>
    public void ThrowIfWrong(string what)
    {
        if (_problems.Count > 0)
        {
            throw new CheckpointException(_path, $"is no configuration of {what} that can be exported:{string.Concat(_problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
        }
    }

    /// <summary>Reads every name and text once, since half a surrogate pair would throw wherever it is looked at first.</summary>
    private static void CheckText(byte[] bytes)
    {
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = 64 });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String)
            {
                _ = reader.GetString();
            }
        }
    }

    private JsonElement? Find(string key, bool required)
    {
        // A section that is missing as a whole was reported once; its keys need not be.
        if (_object.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (_object.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
        {
            return value;
        }

        if (required)
        {
            _problems.Add($"{_prefix}{key}: missing");
        }

        return null;
    }

    private int Number(string key, JsonElement? value, int fallback, int smallest, int largest)
    {
        if (value is not { } found)
        {
            return fallback;
        }

        if (found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out int number) && number >= smallest && number <= largest)
        {
            return number;
        }

        Wrong(key, found, $"a whole number from {smallest} to {largest}");
        return fallback;
    }

    private string Text(string key, JsonElement? value, string fallback)
    {
        if (value is not { } found)
        {
            return fallback;
        }

        if (found.ValueKind == JsonValueKind.String)
        {
            return found.GetString() ?? fallback;
        }

        Wrong(key, found, "a text");
        return fallback;
    }

    private void Wrong(string key, JsonElement found, string expected)
    {
        string raw = found.GetRawText();
        _problems.Add($"{_prefix}{key}: expected {expected}, found {(raw.Length > 60 ? raw[..60] + "…" : raw)}");
    }
}
