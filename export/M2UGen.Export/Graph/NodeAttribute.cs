namespace M2UGen.Export.Graph;

/// <summary>A node's attribute, written as a tuple: <c>("axis", 1)</c>, <c>("perm", [0, 2, 1])</c>, <c>("mode", "reflect")</c>.</summary>
/// <param name="Name">The attribute's name in the operator's definition.</param>
/// <param name="Content">A long, float, string, long[] or float[].</param>
internal readonly record struct NodeAttribute(string Name, object Content)
{
    /// <summary>An integer.</summary>
    public static implicit operator NodeAttribute((string Name, long Value) pair) => new(pair.Name, pair.Value);

    /// <summary>An integer.</summary>
    public static implicit operator NodeAttribute((string Name, int Value) pair) => new(pair.Name, (long)pair.Value);

    /// <summary>A floating point number.</summary>
    public static implicit operator NodeAttribute((string Name, float Value) pair) => new(pair.Name, pair.Value);

    /// <summary>A text.</summary>
    public static implicit operator NodeAttribute((string Name, string Value) pair) => new(pair.Name, pair.Value);

    /// <summary>A list of integers.</summary>
    public static implicit operator NodeAttribute((string Name, long[] Value) pair) => new(pair.Name, pair.Value);

    /// <summary>A list of floating point numbers.</summary>
    public static implicit operator NodeAttribute((string Name, float[] Value) pair) => new(pair.Name, pair.Value);
}
