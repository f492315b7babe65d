using System.IO.Enumeration;
using M2UGen.Sdk;

namespace M2UGen.Export.Graph;

/// <summary>What the caller chooses about a graph; what the checkpoint dictates comes from the checkpoint.</summary>
internal sealed class GraphOptions
{
    private readonly HashSet<string> _matching = new(StringComparer.Ordinal);
    private readonly HashSet<PrecisionRule> _applied = [];

    /// <summary>Names of inner stages that become extra outputs; <c>*</c> stands for any characters.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Taps { get; init; } = [];

    /// <summary>How matrices are stored.</summary>
    /// <value>Default: all in 32-bit floats.</value>
    public PrecisionPolicy Precision { get; init; } = PrecisionPolicy.Float32;

    /// <summary>The patterns of <see cref="Taps"/> that no stage had until now.</summary>
    public IEnumerable<string> UnusedTaps => Taps.Where(pattern => !_matching.Contains(pattern));

    /// <summary>The rules of <see cref="Precision"/> by which no matrix was stored until now.</summary>
    public IEnumerable<PrecisionRule> UnusedRules => Precision.Rules.Where(rule => !_applied.Contains(rule));

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

    /// <summary>The precision of a matrix.</summary>
    /// <param name="component">The graph's name.</param>
    /// <param name="node">Node path of the layer: <c>/layers.0/attention/wo</c>.</param>
    /// <param name="role">What it does there.</param>
    /// <param name="isLarge"><see cref="GraphBuilder.IsLarge"/>.</param>
    /// <exception cref="ExportException">A rule asks for what the matrix cannot be stored in.</exception>
    public Precision PrecisionOf(string component, string node, MatrixRole role, bool isLarge)
    {
        string layer = node.Trim('/');
        Precision precision = Precision.Of(component, layer, role, isLarge, out PrecisionRule? rule);
        Apply(rule);
        return precision == Sdk.Precision.Float16 && role != MatrixRole.Table && ElementsOf(component) != DataType.Float16
            ? throw new ExportException(component, $"'{rule}' concerns '{layer}' of '{component}', which is no embedding table: a layer is float16 only where its whole component is ('{component}=float16'). Choose float32, int8 or int4 for the layer, or float16 for the component.")
            : precision;
    }

    /// <summary>In what the nodes of a component pass numbers on: <see cref="DataType.Float"/> or <see cref="DataType.Float16"/>.</summary>
    public DataType ElementsOf(string component)
    {
        bool isHalf = Precision.HasFloat16Elements(component, out PrecisionRule? rule);
        Apply(rule);
        return isHalf ? DataType.Float16 : DataType.Float;
    }

    private void Apply(PrecisionRule? rule)
    {
        if (rule is not null)
        {
            _applied.Add(rule);
        }
    }
}
