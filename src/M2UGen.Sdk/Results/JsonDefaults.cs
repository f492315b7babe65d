using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace M2UGen.Sdk;

/// <summary>Fills settings that an older text does not know with their defaults: the serializer gives an init accessor that is left out the type's zero instead.</summary>
internal static class JsonDefaults
{
    public static void AddGeneration(JsonNode? settings) => Add(settings, GenerationOptions.Default, ResultManifestJson.Default.GenerationOptions);

    public static void AddMusic(JsonNode? settings) => Add(settings, MusicOptions.Default, ResultManifestJson.Default.MusicOptions);

    public static void AddFidelity(JsonNode? settings) => Add(settings, Fidelity.Improved, ResultManifestJson.Default.Fidelity);

    public static void AddKnn(JsonNode? settings) => Add(settings, KnnOptions.Default, ResultManifestJson.Default.KnnOptions);

    /// <summary>Adds what <paramref name="settings"/> lacks; does nothing where that is no object.</summary>
    public static void Add<T>(JsonNode? settings, T defaults, JsonTypeInfo<T> type)
    {
        if (settings is JsonObject target && JsonSerializer.SerializeToNode(defaults, type) is JsonObject source)
        {
            foreach ((string key, JsonNode? value) in source)
            {
                if (!target.ContainsKey(key))
                {
                    target[key] = value?.DeepClone();
                }
            }
        }
    }
}
