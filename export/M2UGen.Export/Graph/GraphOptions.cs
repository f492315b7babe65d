using System.IO.Enumeration;

namespace M2UGen.Export.Graph;

/// <summary>What the caller chooses about a graph; what the checkpoint dictates comes from the checkpoint.</summary>
internal sealed record GraphOptions
{
    /// <summary>Names of inner stages that become extra outputs; <c>*</c> stands for any characters.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Taps { get; init; } = [];

    /// <summary>Whether the stage <paramref name="name"/> is to be an output.</summary>
    public bool IsTapped(string name)
    {
        foreach (string pattern in Taps)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))
            {
                return true;
            }
        }

        return false;
    }
}
