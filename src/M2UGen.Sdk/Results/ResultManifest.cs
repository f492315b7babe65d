using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace M2UGen.Sdk;

/// <summary>How a result came about: enough to make it again, and small enough to travel with it.</summary>
/// <remarks>It names no file paths. Prompts are part of it; leave them out with <c>manifest with { Prompt = "" }</c> before it is shown to others.</remarks>
public sealed record ResultManifest
{
    /// <summary>SHA-256 of the bundle's bundle.json, in lower-case hexadecimal: it covers the hash of every file of the bundle.</summary>
    public required string BundleHash { get; init; }

    /// <summary>The bundle's family, such as "m2ugen-musicgen" or "musicgen".</summary>
    public required string BundleFamily { get; init; }

    /// <summary>The request's prompt, without the template around it.</summary>
    public required string Prompt { get; init; }

    /// <summary>The request's settings for the answer.</summary>
    public required GenerationOptions Generation { get; init; }

    /// <summary>The request's settings for the music; a length that followed from a sound or a film is filled in.</summary>
    public required MusicOptions Music { get; init; }

    /// <summary>The habits of the reference that were followed.</summary>
    public required Fidelity Fidelity { get; init; }

    /// <summary>SHA-256 of the samples that the music went on from (little-endian floats), or null.</summary>
    public string? AudioPromptHash { get; init; }

    /// <summary>SHA-256 of the samples whose melody the music followed (little-endian floats), or null.</summary>
    public string? MelodyHash { get; init; }

    /// <summary>How the audio feature was mixed with its neighbours, or null. The name of an index file is left out.</summary>
    public KnnOptions? Knn { get; init; }

    /// <summary>SHA-256 of the decoded sound that the model listened to (interleaved samples as little-endian floats), or null.</summary>
    public string? AudioHash { get; init; }

    /// <summary>SHA-256 of the decoded picture that the model looked at (rows of RGB bytes), or null.</summary>
    public string? ImageHash { get; init; }

    /// <summary>SHA-256 of the film's chosen frames, one behind the other (rows of RGB bytes), or null.</summary>
    public string? VideoHash { get; init; }

    /// <summary>SHA-256 of the earlier turns that were offered to the prompt (UTF-8, each text behind its length in bytes as eight little-endian bytes), or null.</summary>
    public string? HistoryHash { get; init; }

    /// <summary>The seed of the answer's tokens; the reference's rule for the frames of a film draws from it too.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The seed of the music.</summary>
    public required ulong MusicSeed { get; init; }

    /// <summary>Version of this library.</summary>
    public required string SdkVersion { get; init; }

    /// <summary>Version of ONNX Runtime.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>The .NET runtime, operating system and processor architecture.</summary>
    public required string Platform { get; init; }

    /// <summary>The execution provider that ran the graphs, such as "cpu".</summary>
    public required string Provider { get; init; }

    /// <summary>Threads within one operator.</summary>
    public required int Threads { get; init; }

    /// <summary>The manifest as one JSON object.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ResultManifestJson.Default.ResultManifest);

    /// <summary>Reads what <see cref="ToJson"/> wrote, in this version or an earlier one: settings that it did not know yet have their defaults.</summary>
    /// <exception cref="FormatException">The text is not such a manifest.</exception>
    public static ResultManifest FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            JsonObject manifest = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new FormatException("The text is JSON, but no object and so no result manifest.");
            AddDefaults(manifest);
            return manifest.Deserialize(ResultManifestJson.Default.ResultManifest)!;
        }
        catch (JsonException e)
        {
            throw new FormatException($"The text is not a result manifest as ToJson writes it: {e.Message}", e);
        }
    }

    /// <summary>Adds to a manifest's JSON the settings that its version did not know.</summary>
    internal static void AddDefaults(JsonNode? manifest)
    {
        if (manifest is JsonObject)
        {
            JsonDefaults.AddGeneration(manifest["generation"]);
            JsonDefaults.AddMusic(manifest["music"]);
            JsonDefaults.AddFidelity(manifest["fidelity"]);
            JsonDefaults.AddKnn(manifest["knn"]);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ResultManifest))]
internal sealed partial class ResultManifestJson : JsonSerializerContext;
