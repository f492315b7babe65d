using System.IO.Enumeration;

namespace M2UGen.Export.Graph;

/// <summary>What the caller chooses about a graph; what the checkpoint dictates comes from the checkpoint.</summary>
internal sealed class GraphOptions
{
    private readonly HashSet<string> _matching = new(StringComparer.Ordinal);

    /// <summary>Names of inner stages that become extra outputs; <c>*</c> stands for any characters.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Taps { get; init; } = [];

    /// <summary>The patterns of <see cref="Taps"/> that no stage had until now.</summary>
    public IEnumerable<string> UnusedTaps => Taps.Where(pattern => !_matching.Contains(pattern));

    /// <summary>Whether the stage <paramref name="name"/> is to be an output.</summary>
    public bool IsTapped(string name)
    {
        bool isTapped = false;
        foreach (string pattern in Taps)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))
            {
                _matching.Add(pattern);
                isTapped = true;
            }
        }

        return isTapped;
    }
}
