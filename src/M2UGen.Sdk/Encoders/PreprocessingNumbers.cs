using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Encoders;

/// <summary>Reads one section of the manifest's <c>preprocessing</c>, each value checked against the range the code can work with.</summary>
/// <param name="section">The section's object.</param>
/// <param name="name">The section's name, for messages.</param>
/// <param name="path">The bundle, for messages.</param>
internal readonly struct PreprocessingNumbers(JsonObject section, string name, string path)
{
    /// <summary>Whether there is a value of that name.</summary>
    public bool Has(string key) => section[key] is not null;

    /// <summary>A whole number that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing, no whole number, or out of range.</exception>
    public int Integer(string key, int most)
    {
        double value = Number(key);
        return value >= 1 && value <= most && value == Math.Truncate(value) ? (int)value : throw Refuse(key, $"a whole number from 1 to {most}");
    }

    /// <summary>A finite number that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing or no number.</exception>
    public double Number(string key) => TryRead(section[key], out double value) ? value : throw Refuse(key, "a number");

    /// <summary>True or false, must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing or neither.</exception>
    public bool Flag(string key) => section[key]?.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Refuse(key, "true or false"),
    };

    /// <summary>A word out of a few that must be there: its place among them.</summary>
    /// <exception cref="ModelBundleException">It is missing, or none of them.</exception>
    public int Word(string key, params ReadOnlySpan<string> allowed) =>
        section[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String && allowed.IndexOf(value.GetValue<string>()) is >= 0 and int place
            ? place
            : throw Refuse(key, $"one of {string.Join(", ", allowed!)}");

    /// <summary>A list of exactly <paramref name="count"/> finite numbers that must be there.</summary>
    /// <exception cref="ModelBundleException">It is missing, or another list.</exception>
    public float[] List(string key, int count)
    {
        if (section[key] is JsonArray list && list.Count == count)
        {
            float[] values = new float[count];
            int read = 0;
            while (read < count && TryRead(list[read], out double value))
            {
                values[read++] = (float)value;
            }

            if (read == count)
            {
                return values;
            }
        }

        throw Refuse(key, $"a list of {count} numbers");
    }

    /// <summary>The exception for a value that cannot be worked with.</summary>
    public ModelBundleException Refuse(string key, string expected) =>
        new(path, $"'{path}': \"{key}\" of preprocessing \"{name}\" is {section[key]?.ToJsonString() ?? "nothing"}; expected {expected}. Export the bundle again with this version of m2ugen-export.");

    // By its text: a node's own conversions depend on whether it was parsed or built.
    private static bool TryRead(JsonNode? node, out double number)
    {
        number = 0;
        return node is not null && node.GetValueKind() == JsonValueKind.Number
            && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
    }
}
