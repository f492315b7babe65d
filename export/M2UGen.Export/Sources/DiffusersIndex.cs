using System.Text.Json;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>A diffusers pipeline's <c>model_index.json</c>: which class each folder holds.</summary>
internal static class DiffusersIndex
{
    /// <summary>The file's name.</summary>
    public const string FileName = "model_index.json";

    private const string Pipeline = "AudioLDM2Pipeline";
    private const int MaxBytes = 1 << 20;

    // The scheduler's folder says itself what it is, and is judged by that.
    private static readonly (string Folder, string[] Classes)[] Parts =
    [
        ("text_encoder", ["ClapModel"]),
        ("text_encoder_2", ["T5EncoderModel"]),
        ("projection_model", ["AudioLDM2ProjectionModel"]),
        ("language_model", ["GPT2Model", "GPT2LMHeadModel"]),
        ("unet", ["AudioLDM2UNet2DConditionModel"]),
        ("vae", ["AutoencoderKL"]),
        ("vocoder", ["SpeechT5HifiGan"]),
        ("tokenizer", ["RobertaTokenizerFast", "RobertaTokenizer"]),
        ("tokenizer_2", ["T5TokenizerFast", "T5Tokenizer"]),
        ("feature_extractor", ["ClapFeatureExtractor"]),
        ("scheduler", []),
    ];

    /// <summary>The class of the pipeline, or null where there is no such file or it names none.</summary>
    public static string? PipelineOf(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using JsonDocument document = Parse(path);
            return ClassName(document.RootElement);
        }
        catch (CheckpointException)
        {
            return null;
        }
    }

    /// <summary>Checks that a directory holds an AudioLDM2 with all of its parts.</summary>
    /// <exception cref="CheckpointException">It does not; everything that is missing or another class is listed.</exception>
    public static void Check(string directory)
    {
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "there is no such directory.");
        }

        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            throw new CheckpointException(path, "there is no such file. An AudioLDM2 directory is laid out as diffusers saves it: model_index.json and a folder for each part.");
        }

        using JsonDocument document = Parse(path);
        if (ClassName(document.RootElement) is var found && found != Pipeline)
        {
            throw new CheckpointException(path, $"describes a pipeline of class '{found ?? "nothing"}'; expected {Pipeline}.");
        }

        List<string> problems = [];
        foreach ((string folder, string[] classes) in Parts)
        {
            CheckPart(directory, document.RootElement, folder, classes, problems);
        }

        if (problems.Count > 0)
        {
            throw new CheckpointException(path, $"describes no AudioLDM2 that can be exported:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
        }
    }

    private static void CheckPart(string directory, JsonElement root, string folder, string[] classes, List<string> problems)
    {
        // "unet": ["audioldm2", "AudioLDM2UNet2DConditionModel"]
        string? name = root.TryGetProperty(folder, out JsonElement entry) && entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2 && entry[1].ValueKind == JsonValueKind.String
            ? entry[1].GetString()
            : null;
        if (name is null)
        {
            problems.Add($"{folder}: missing");
        }
        else if (classes.Length > 0 && !classes.Contains(name))
        {
            problems.Add($"{folder}: class '{name}' is not supported; expected {string.Join(" or ", classes)}");
        }
        else if (!Directory.Exists(Path.Combine(directory, folder)))
        {
            problems.Add($"{folder}: there is no such folder in '{directory}'");
        }
    }

    private static string? ClassName(JsonElement root) =>
        root.TryGetProperty("_class_name", out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonDocument Parse(string path)
    {
        byte[] bytes = WholeFile.Read(path, MaxBytes, out long length) ?? throw new CheckpointException(path, $"has {length} bytes; such a file has at most {MaxBytes}.");
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new CheckpointException(path, $"holds a JSON {document.RootElement.ValueKind}, expected an object.");
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(path, $"is not valid JSON: {exception.Message}", exception);
        }
        catch
        {
            document?.Dispose();
            throw;
        }
    }
}
