using System.Text.Json;
using M2UGen.Export;

namespace M2UGen.Parity;

/// <summary>One folder with a case.json: what is to be run and what must come out.</summary>
internal sealed class ParityCase : IDisposable
{
    private readonly JsonDocument document;
    private readonly Lazy<TensorFile> inputs;
    private readonly Lazy<TensorFile> expected;

    /// <exception cref="ParityException">case.json is missing, is no JSON or names no kind.</exception>
    public ParityCase(string folder, ParityOptions options, ExportCache exports)
    {
        Folder = Path.GetFullPath(folder);
        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));
        Options = options;
        Exports = exports;
        string path = Path.Combine(Folder, "case.json");
        try
        {
            document = JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new ParityException($"'{path}' cannot be read: {e.Message}", e);
        }

        Kind = Json.TryGetProperty("kind", out JsonElement kind) && kind.ValueKind == JsonValueKind.String
            ? kind.GetString()!
            : throw new ParityException($"'{path}' names no kind.");
        Tolerances = new ToleranceTable(Json, options.Precision);
        inputs = new Lazy<TensorFile>(() => Open("inputs.safetensors"));
        expected = new Lazy<TensorFile>(() => Open("expected.safetensors"));
    }

    /// <summary>Full path of the case's folder.</summary>
    public string Folder { get; }

    /// <summary>The folder's own name, for display only: nothing may depend on it.</summary>
    public string Name { get; }

    public string Kind { get; }

    /// <summary>The whole of case.json.</summary>
    public JsonElement Json => document.RootElement;

    public ParityOptions Options { get; }

    /// <summary>How the case's checkpoint is exported.</summary>
    public PrecisionPolicy Precision => PrecisionPolicy.Float32 with { Default = Options.Precision };

    public ExportCache Exports { get; }

    public ToleranceTable Tolerances { get; }

    /// <summary>inputs.safetensors, opened at first use.</summary>
    /// <exception cref="ParityException">There is none.</exception>
    public TensorFile Inputs => inputs.Value;

    /// <summary>expected.safetensors, opened at first use.</summary>
    /// <exception cref="ParityException">There is none.</exception>
    public TensorFile Expected => expected.Value;

    /// <summary>Some kinds keep what they expect in JSON tables alone.</summary>
    public bool HasExpected => File.Exists(Path.Combine(Folder, "expected.safetensors"));

    /// <summary>Does nothing but hold files that other cases point to.</summary>
    public bool IsFilesOnly => Json.TryGetProperty("role", out JsonElement role) && role.ValueEquals("files only");

    /// <summary>Full path of <c>files.&lt;key&gt;</c>: a file or a folder that exists.</summary>
    /// <exception cref="ParityException">case.json has no such entry, or what it points to is not there.</exception>
    public string FileOf(string key) =>
        Json.TryGetProperty("files", out JsonElement files) && files.ValueKind == JsonValueKind.Object &&
        files.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? Resolve(value.GetString()!)
            : throw new ParityException($"case.json of '{Name}' has no files.{key}.");

    /// <summary>Whether case.json has the entry <c>files.&lt;key&gt;</c> at all.</summary>
    public bool HasFile(string key) =>
        Json.TryGetProperty("files", out JsonElement files) && files.ValueKind == JsonValueKind.Object &&
        files.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String;

    /// <summary>Full path of something that case.json names relative to its folder.</summary>
    /// <exception cref="ParityException">It is not there.</exception>
    public string Resolve(string relative)
    {
        string path = Path.GetFullPath(Path.Combine(Folder, relative));
        return File.Exists(path) || Directory.Exists(path)
            ? path
            : throw new ParityException($"'{Name}' needs '{relative}', which is not there ('{path}').");
    }

    public void Dispose()
    {
        foreach (Lazy<TensorFile> file in new[] { inputs, expected })
        {
            if (file.IsValueCreated)
            {
                file.Value.Dispose();
            }
        }

        document.Dispose();
    }

    private TensorFile Open(string name) => new(Resolve(name));
}
