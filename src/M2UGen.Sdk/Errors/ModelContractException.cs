namespace M2UGen.Sdk;

/// <summary>A graph's inputs and outputs are not those that its component must have.</summary>
public sealed class ModelContractException : M2UGenException
{
    /// <summary>Creates the exception; <paramref name="mismatches"/> lists every difference, one a line in the message.</summary>
    public ModelContractException(string component, string path, IReadOnlyList<string> mismatches)
        : base($"The graph of component '{component}' ('{path}') does not keep its contract:{string.Concat(mismatches.Select(m => $"{Environment.NewLine}  {m}"))}{Environment.NewLine}Export the bundle again with this version of m2ugen-export.")
    {
        Component = component;
        Path = path;
        Mismatches = mismatches;
    }

    /// <summary>The component's name in bundle.json.</summary>
    public string Component { get; }

    /// <summary>The graph file.</summary>
    public string Path { get; }

    /// <summary>Every difference found, each "name: expected …, found …".</summary>
    public IReadOnlyList<string> Mismatches { get; }
}
