using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Reads the numbers that bundle.json states for one component, each checked against the range the code can work with.</summary>
internal readonly struct ComponentNumbers(ModelBundle bundle, string component)
{
    // Nothing in a bundle may make us allocate by an absurd number; no published model comes near it.
    private const int Most = 1 << 24;

    private readonly JsonObject _config = bundle.Component(component).Config;

    /// <summary>A whole number that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing, no whole number, or out of range.</exception>
    public int Required(string key, int least = 1, int most = Most) =>
        Optional(key, least, most) ?? throw Refuse(key, "nothing", least, most);

    /// <summary>A whole number that may be missing.</summary>
    /// <exception cref="ModelBundleException">It is no whole number, or out of range.</exception>
    public int? Optional(string key, int least = 1, int most = Most) => _config[key] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number)
            && number == Math.Truncate(number) && number >= least && number <= most => (int)number,
        JsonNode other => throw Refuse(key, other.ToJsonString(), least, most),
    };

    /// <summary>A number that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing, no number, or out of range.</exception>
    public double Real(string key, double least, double most) =>
        _config[key] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && number >= least && number <= most
            ? number
            : throw new ModelBundleException(bundle.Directory, Describe(key, _config[key]?.ToJsonString() ?? "nothing", string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}")));

    /// <summary>A word out of a few that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing, or none of them.</exception>
    public string Text(string key, params ReadOnlySpan<string> allowed) =>
        _config[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String && allowed.Contains(value.GetValue<string>())
            ? value.GetValue<string>()
            : throw new ModelBundleException(bundle.Directory, Describe(key, _config[key]?.ToJsonString() ?? "nothing", $"one of {string.Join(", ", allowed!)}"));

    private ModelBundleException Refuse(string key, string found, int least, int most) =>
        new(bundle.Directory, Describe(key, found, $"a whole number from {least} to {most}"));

    private string Describe(string key, string found, string expected) =>
        $"{BundleManifest.FileName} of '{bundle.Directory}': \"{key}\" of component '{component}' is {found}; expected {expected}. Export the bundle again with this version of m2ugen-export.";
}
