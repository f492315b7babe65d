using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace M2UGen.Sdk.Runtime.Bundles;

/// <summary>The contents of <c>bundle.json</c>: what the exporter promises and the pipeline relies on.</summary>
/// <remarks>The serializer hands null to the init accessor of a section that the file leaves out; it then stays empty.</remarks>
internal sealed record BundleManifest
{
    public const string FileName = "bundle.json";

    /// <summary>The only format this version writes and reads.</summary>
    public const int CurrentFormatVersion = 1;

    public required int FormatVersion { get; init; }

    /// <summary>One of <see cref="BundleFamily"/>.</summary>
    public required string Family { get; init; }

    public required string ExporterVersion { get; init; }

    /// <summary>Components by name: <c>llama</c>, <c>t5</c>, <c>musicgen-decoder</c>, …</summary>
    public required SortedDictionary<string, BundleComponent> Components { get; init; }

    /// <summary>Constants that enter graphs as inputs, such as <c>prefix-text</c>.</summary>
    public SortedDictionary<string, BundleTensor> Tensors { get; init => field = value ?? []; } = [];

    /// <summary>Tokenizers by name: <c>llama</c>, <c>t5</c>.</summary>
    public SortedDictionary<string, BundleTokenizer> Tokenizers { get; init => field = value ?? []; } = [];

    /// <summary>Search indexes by name: <c>knn</c>, a faiss flat index.</summary>
    public SortedDictionary<string, BundleFile> Indexes { get; init => field = value ?? []; } = [];

    /// <summary>Numbers of preprocessing by name, as the source's configuration files give them.</summary>
    public JsonObject Preprocessing { get; init => field = value ?? []; } = [];

    /// <summary>Defaults of generation, as the source's configuration files give them.</summary>
    public JsonObject Generation { get; init => field = value ?? []; } = [];

    /// <summary>The files the bundle was made from.</summary>
    public IReadOnlyList<BundleFile> Sources { get; init => field = value ?? []; } = [];

    /// <summary>The licence of each weight source, as far as it is known.</summary>
    public IReadOnlyList<BundleLicence> Licences { get; init => field = value ?? []; } = [];
}

/// <summary>Which models a bundle holds.</summary>
internal static class BundleFamily
{
    public const string M2UGenMusicGen = "m2ugen-musicgen";
    public const string M2UGenAudioLdm2 = "m2ugen-audioldm2";

    /// <summary>The language half alone: answers and music embeddings, no music decoder.</summary>
    public const string M2UGen = "m2ugen";

    /// <summary>A MusicGen of its own, without M2UGen around it.</summary>
    public const string MusicGen = "musicgen";

    /// <summary>An AudioLDM2 of its own, without M2UGen around it.</summary>
    public const string AudioLdm2 = "audioldm2";

    /// <summary>Graphs of a single folder of an AudioLDM2 directory: to be looked at and run on their own; no pipeline opens them.</summary>
    public const string AudioLdm2Part = "audioldm2-part";

    /// <summary>One of M2UGen's encoders with its learnt aggregation: to be looked at and run on its own; no pipeline opens it.</summary>
    public const string M2UGenEncoder = "m2ugen-encoder";
}

/// <summary>One graph of a bundle.</summary>
internal sealed record BundleComponent
{
    /// <summary>The graph file, one of <see cref="Files"/>.</summary>
    public required string Graph { get; init; }

    public required IReadOnlyList<BundleFile> Files { get; init; }

    /// <summary>How weights are stored: <c>float32</c>, …</summary>
    public required string Precision { get; init; }

    public required IReadOnlyList<TensorSpec> Inputs { get; init; }

    public required IReadOnlyList<TensorSpec> Outputs { get; init; }

    /// <summary>Numbers the caller of the graph must know: layers, heads, vocabulary, …</summary>
    public JsonObject Config { get; init => field = value ?? []; } = [];
}

/// <summary>A file with its size and SHA-256 (64 lower-case hex digits). <see cref="Path"/> is relative to the bundle, with '/'.</summary>
internal sealed record BundleFile(string Path, long Size, string Sha256);

/// <summary>A constant tensor: float32, little-endian, row-major, nothing else in the file.</summary>
internal sealed record BundleTensor(BundleFile File, IReadOnlyList<long> Shape);

/// <summary>A tokenizer's folder and the files in it.</summary>
internal sealed record BundleTokenizer(string Folder, IReadOnlyList<BundleFile> Files);

/// <summary>Under which licence a part of the weights was published.</summary>
internal sealed record BundleLicence(string Source, string Licence);

/// <summary>Reads and writes <see cref="BundleManifest"/> without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    NewLine = "\n",
    MaxDepth = 32,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(TensorDimensionConverter)])]
[JsonSerializable(typeof(BundleManifest))]
internal sealed partial class BundleJson : JsonSerializerContext;

/// <summary>A dimension is a number, or a text where it may vary.</summary>
internal sealed class TensorDimensionConverter : JsonConverter<TensorDimension>
{
    public override TensorDimension Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType == JsonTokenType.Number ? reader.GetInt64() : reader.GetString() ?? throw new JsonException("A dimension is null.");

    public override void Write(Utf8JsonWriter writer, TensorDimension value, JsonSerializerOptions options)
    {
        if (value.Symbol is { } symbol)
        {
            writer.WriteStringValue(symbol);
        }
        else
        {
            writer.WriteNumberValue(value.Size);
        }
    }
}
