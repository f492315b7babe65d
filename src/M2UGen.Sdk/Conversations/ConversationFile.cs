using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace M2UGen.Sdk.Conversations;

/// <summary>A conversation's JSON form. Everything that another version, an editor or a stranger could have done to it is a <see cref="FormatException"/>.</summary>
internal sealed record ConversationFile
{
    /// <summary>The value of <see cref="Format"/>.</summary>
    public const string FormatName = "m2ugen-conversation";

    /// <summary>The version that is written.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Says what the object is.</summary>
    public required string Format { get; init; }

    /// <summary>Raised where an older reader would misread.</summary>
    public required int Version { get; init; }

    /// <summary>How turns are sent.</summary>
    public required ConversationOptions Options { get; init; }

    /// <summary>Oldest first.</summary>
    public required IReadOnlyList<ConversationTurn> Turns { get; init; }

    public static string Write(ConversationOptions options, IReadOnlyList<ConversationTurn> turns) => JsonSerializer.Serialize(
        new ConversationFile { Format = FormatName, Version = CurrentVersion, Options = options, Turns = turns },
        ConversationJson.Default.ConversationFile);

    /// <exception cref="FormatException">The text is no conversation, damaged, or of a newer version.</exception>
    public static (ConversationOptions Options, IReadOnlyList<ConversationTurn> Turns) Read(string json)
    {
        try
        {
            JsonObject root = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 }) as JsonObject
                ?? throw new FormatException("The text is JSON, but no object and so no conversation.");
            ThrowIfAnother(root);
            AddDefaults(root);
            ConversationFile file = root.Deserialize(ConversationJson.Default.ConversationFile)!;
            ThrowIfImpossible(file);
            return (file.Options, Array.AsReadOnly([.. file.Turns]));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"The text is not a conversation as ToJson writes it: {e.Message}", e);
        }
    }

    private static void ThrowIfAnother(JsonObject root)
    {
        if (root["format"] is not JsonValue format || !format.TryGetValue(out string? name) || name != FormatName)
        {
            throw new FormatException($"The text is not a conversation as ToJson writes it: \"format\" must be \"{FormatName}\".");
        }

        if (root["version"] is not JsonValue version || !version.TryGetValue(out int number) || number < 1)
        {
            throw new FormatException("The text is not a conversation as ToJson writes it: \"version\" must be a whole number above 0.");
        }

        if (number > CurrentVersion)
        {
            throw new FormatException($"The conversation was saved in version {number} of the format; this library reads up to {CurrentVersion}. Use a newer M2UGen.Sdk.");
        }
    }

    private static void AddDefaults(JsonObject root)
    {
        JsonDefaults.Add(root["options"], ConversationOptions.Default, ConversationJson.Default.ConversationOptions);
        JsonDefaults.AddGeneration(root["options"]?["generation"]);
        JsonDefaults.AddMusic(root["options"]?["music"]);
        JsonDefaults.AddFidelity(root["options"]?["fidelity"]);
        if (root["turns"] is JsonArray turns)
        {
            foreach (JsonNode? turn in turns)
            {
                ResultManifest.AddDefaults(turn?["manifest"]);
            }
        }
    }

    private static void ThrowIfImpossible(ConversationFile file)
    {
        for (int i = 0; i < file.Turns.Count; i++)
        {
            // Nullable annotations are respected for members, not for the items of a list.
            if (file.Turns[i] is null)
            {
                throw new FormatException($"The text is not a conversation as ToJson writes it: turn {i} is null.");
            }
        }

        try
        {
            OptionsCheck check = new();
            file.Options.Check(check);
            check.ThrowIfAny();
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"The conversation's options cannot be: {e.Message}", e);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    WriteIndented = true,
    NewLine = "\n")]
[JsonSerializable(typeof(ConversationFile))]
internal sealed partial class ConversationJson : JsonSerializerContext;
