using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>A diffusers scheduler's <c>scheduler_config.json</c>, as the manifest takes it over.</summary>
internal static partial class SchedulerFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "scheduler_config.json";

    private const int MaxBytes = 4 << 20;

    /// <summary>Reads and checks the file in <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">It is missing, damaged, or describes a scheduler that the library does not have; all of it is listed.</exception>
    public static JsonObject Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new CheckpointException(path, "there is no such file.");
        }

        byte[] bytes = WholeFile.Read(path, MaxBytes, out long length) ?? throw new CheckpointException(path, $"has {length} bytes; such a file has at most {MaxBytes}.");
        JsonObject json;
        try
        {
            // Python writes the default of lambda_min_clipped as -Infinity, which is no JSON; no value means the same.
            string text = MinusInfinity().Replace(Encoding.UTF8.GetString(bytes), ":null");
            json = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false }) as JsonObject
                ?? throw new CheckpointException(path, "holds no JSON object.");
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(path, $"is not valid JSON: {exception.Message}", exception);
        }

        List<string> problems = [];
        _ = SchedulerJson.Read(json, problems);
        if (problems.Count > 0)
        {
            throw new CheckpointException(path, $"is no configuration of a scheduler that can be exported:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
        }

        json.Remove("_diffusers_version");
        return json;
    }

    [GeneratedRegex(@":\s*-Infinity\b", RegexOptions.CultureInvariant)]
    private static partial Regex MinusInfinity();
}
