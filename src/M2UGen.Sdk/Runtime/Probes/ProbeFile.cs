using System.Text.Json;
using System.Text.Json.Serialization;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>The contents of <c>probes.json</c> beside <c>bundle.json</c>: what each component gave on small inputs when it was exported.</summary>
/// <remarks>
/// Not listed in the manifest, which names the bundle by its contents and is the same on every machine; the last digits of these numbers are not. Instead this file names the manifest
/// that it belongs to. Pipelines never read it.
/// </remarks>
internal sealed record ProbeFile
{
    public const string FileName = "probes.json";

    /// <summary>The only version that is written and read; it covers the inputs' rules as well as the form.</summary>
    public const int CurrentFormatVersion = 1;

    private const int MaxBytes = 16 << 20;
    private const int MaxRank = 16;

    public required int FormatVersion { get; init; }

    /// <summary>The SHA-256 of the bundle.json whose components were run.</summary>
    public required string ManifestSha256 { get; init; }

    /// <summary>The version of ONNX Runtime that ran them.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>By component.</summary>
    public required SortedDictionary<string, ComponentProbe> Components { get; init; }

    /// <summary>Reads the file of a bundle.</summary>
    /// <returns>What it holds, or null where the bundle has none.</returns>
    /// <exception cref="ModelBundleException">It is damaged, of another version, or speaks of what the bundle does not have.</exception>
    public static ProbeFile? Read(ModelBundle bundle)
    {
        string path = Path.Combine(bundle.Directory, FileName);
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }

            byte[] bytes = WholeFile.Read(path, MaxBytes, out long length) ?? throw Invalid(path, $"it has {length} bytes, at most {MaxBytes} make sense");
            ProbeFile file = JsonSerializer.Deserialize(bytes, ProbeJson.Default.ProbeFile) ?? throw Invalid(path, "it holds null");
            return file.Problem(bundle.Manifest) is { } problem ? throw Invalid(path, problem) : file;
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            throw Invalid(path, exception.Message, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelBundleException(path, $"'{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the file into a bundle's directory: aside first, so that it is never half there.</summary>
    /// <exception cref="IOException">The directory cannot be written to.</exception>
    public void Write(string directory)
    {
        string path = Path.Combine(directory, FileName);
        string partial = $"{path}.partial";
        using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(stream, this, ProbeJson.Default.ProbeFile);
            stream.Flush(flushToDisk: true);
        }

        File.Move(partial, path, overwrite: true);
    }

    private static ModelBundleException Invalid(string path, string problem, Exception? inner = null) =>
        new(path, $"'{path}' is not what m2ugen-export writes: {problem}. Record the probes again with 'm2ugen-export probe', or delete the file.", inner);

    /// <summary>What a stranger's file could have wrong, as a clause; null where it is sound.</summary>
    private string? Problem(BundleManifest manifest)
    {
        if (FormatVersion != CurrentFormatVersion)
        {
            return $"it has format version {FormatVersion}, and this library reads version {CurrentFormatVersion}";
        }

        foreach ((string name, ComponentProbe probe) in Components)
        {
            if (!manifest.Components.TryGetValue(name, out BundleComponent? component))
            {
                return $"the bundle has no component '{name}'";
            }

            if (probe is null)
            {
                return $"the entry of component '{name}' is null";
            }

            if (probe.NotProbed is not null ? probe.Outputs.Count > 0 : probe.Outputs.Count == 0 || probe.Tolerance is not (> 0 and <= 1))
            {
                return $"the entry of component '{name}' needs outputs and a tolerance above 0 and up to 1, or a reason alone";
            }

            foreach ((string output, OutputProbe numbers) in probe.Outputs)
            {
                if (component.Outputs.Count(spec => spec.Name == output) != 1 || numbers is null || !numbers.IsFinite || numbers.Rms < 0 || numbers.Values.Count > OutputProbe.MaxValues || numbers.Shape.Count > MaxRank)
                {
                    return $"component '{name}' has no output '{output}', or its numbers make no sense";
                }
            }
        }

        return null;
    }
}

/// <summary>Reads and writes <see cref="ProbeFile"/> without reflection; what it does not know is an error.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    NewLine = "\n",
    MaxDepth = 16,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ProbeFile))]
internal sealed partial class ProbeJson : JsonSerializerContext;
