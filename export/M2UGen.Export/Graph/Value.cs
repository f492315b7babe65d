namespace M2UGen.Export.Graph;

/// <summary>An edge of the graph: what a node, an input or an initializer yields. The default value stands for an absent optional input.</summary>
internal readonly record struct Value(string Name)
{
    /// <summary>An optional input that is left out.</summary>
    public static Value None => default;

    /// <summary>Whether this is an absent optional input.</summary>
    public bool IsNone => Name is null;
}
