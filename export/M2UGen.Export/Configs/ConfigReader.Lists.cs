using System.Text.Json;

namespace M2UGen.Export.Configs;

/// <summary>Lists of texts, lists of lists, and what diffusers writes either once or once a block.</summary>
internal sealed partial class ConfigReader
{
    /// <summary>A list of texts that must be there, with at least one and at most <paramref name="most"/> of them.</summary>
    public string[] Texts(string key, int most)
    {
        if (Find(key, required: true) is not { } value)
        {
            return [];
        }

        if (IsList(value, most) && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
        {
            return [.. value.EnumerateArray().Select(item => item.GetString()!)];
        }

        Wrong(key, value, $"a list of 1 to {most} texts");
        return [];
    }

    /// <summary>A list of lists of whole numbers that must be there; neither the outer list nor an inner one may be empty or longer than <paramref name="most"/>.</summary>
    public int[][] IntLists(string key, int most, int smallest = 1, int largest = LargestSize)
    {
        if (Find(key, required: true) is not { } value)
        {
            return [];
        }

        if (IsList(value, most) && value.EnumerateArray().All(inner => IsList(inner, most)))
        {
            return [.. value.EnumerateArray().Select(inner => inner.EnumerateArray().Select(item => Number(key, item, smallest, smallest, largest)).ToArray())];
        }

        Wrong(key, value, $"a list of 1 to {most} lists of whole numbers");
        return [];
    }

    /// <summary>A whole number for all blocks, or a list with one for each; may be left out.</summary>
    public int[] IntPerBlock(string key, int blocks, int fallback, int smallest = 1, int largest = LargestSize)
    {
        if (Find(key, required: false) is { ValueKind: JsonValueKind.Array } list)
        {
            if (list.GetArrayLength() == blocks)
            {
                return [.. list.EnumerateArray().Select(item => Number(key, item, smallest, smallest, largest))];
            }

            Wrong(key, list, $"a whole number or a list of {blocks}");
            return [.. Enumerable.Repeat(fallback, blocks)];
        }

        return [.. Enumerable.Repeat(IntOr(key, fallback, smallest, largest), blocks)];
    }

    /// <summary>For each block a list of whole numbers or nulls: written as one number for all, as a number a block, or as a list a block.</summary>
    public int?[][] OptionalIntsPerBlock(string key, int blocks, int fallback, int most)
    {
        if (Find(key, required: false) is not { ValueKind: JsonValueKind.Array } list)
        {
            return [.. Enumerable.Repeat(new int?[] { IntOr(key, fallback) }, blocks)];
        }

        if (list.GetArrayLength() == blocks && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number || IsList(item, most)))
        {
            return [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number ? [Entry(item)] : item.EnumerateArray().Select(Entry).ToArray())];
        }

        Wrong(key, list, $"a whole number, or a list of {blocks} numbers or lists of at most {most}");
        return [.. Enumerable.Repeat(new int?[] { fallback }, blocks)];

        int? Entry(JsonElement item) => item.ValueKind == JsonValueKind.Null ? null : Number(key, item, fallback, 1, LargestSize);
    }

    /// <summary>Whether <paramref name="key"/> is true, or a list that holds a true.</summary>
    public bool HasTrue(string key) => Find(key, required: false) is { } value
        && (value.ValueKind == JsonValueKind.True || (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.True)));

    private static bool IsList(JsonElement value, int most) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() >= 1 && value.GetArrayLength() <= most;
}
