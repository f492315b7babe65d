using System.IO.Enumeration;
using M2UGen.Export.Quantization;
using M2UGen.Sdk;

namespace M2UGen.Export;

/// <summary>How the matrices of a bundle are stored: one precision for all, others for components and for single layers.</summary>
/// <remarks>
/// <see cref="Default"/> of <see cref="Precision.Int8"/> or <see cref="Precision.Int4"/> concerns the language models, whose weights are read again for every token:
/// <c>llama</c> and <c>musicgen-decoder</c>. What is as large and runs once a request (<c>musicgen-condition</c>, <c>prefix-audio</c>, <c>prefix-image</c>,
/// <c>prefix-video</c>) then is <see cref="Precision.Int8"/>; all other components stay in <see cref="Precision.Float32"/> unless a rule names them. In a quantised component the head (the matrix of the logits) has 8 bits and embedding tables have 16-bit
/// floats, unless a rule names them. Norms, biases, convolutions and position biases are 32-bit floats.
/// <see cref="Precision.Float16"/> concerns every component, and there everything that passes from node to node, but for heads and for what would not bear it (docs/decisions/0007-float16.md); it is for GPUs.
/// A rule with integers for a component then says how its matrices are stored, and leaves 16-bit floats between them: <c>float16,llama=int4</c>.
/// </remarks>
public sealed record PrecisionPolicy
{
    private static readonly string[] LanguageModels = ["llama", "musicgen-decoder"];
    private static readonly string[] OnceARequest = ["musicgen-condition", "prefix-audio", "prefix-image", "prefix-video"];

    private static readonly (string Name, Precision Precision)[] Names =
    [
        ("float32", Precision.Float32), ("fp32", Precision.Float32), ("float16", Precision.Float16), ("fp16", Precision.Float16), ("int8", Precision.Int8), ("int4", Precision.Int4),
    ];

    /// <summary>Everything in 32-bit floats: the numbers of the reference.</summary>
    public static PrecisionPolicy Float32 { get; } = new();

    /// <summary>What measurements speak for: <see cref="Precision.Int4"/> where a language model would be too slow in <see cref="Precision.Int8"/>, which is LLaMA and MusicGen's decoder above the small one's width.</summary>
    public static PrecisionPolicy Auto { get; } = new() { Default = Precision.Int8, IsAuto = true };

    /// <summary>The precision of the language models, or, where it is <see cref="Precision.Float16"/>, of all components.</summary>
    /// <value>Default: <see cref="Precision.Float32"/>.</value>
    public Precision Default { get; init; } = Precision.Float32;

    private bool IsAuto { get; init; }

    /// <summary>Exceptions. A rule for layers counts before one for their component; of several that fit, the last.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<PrecisionRule> Rules { get; init; } = [];

    /// <summary>How many weights of a row share a scale: 32, 64 or 128. Larger blocks are smaller and faster, and less exact.</summary>
    /// <value>Default: 128.</value>
    public int BlockSize { get; init; } = 128;

    /// <summary>Whether every block has a zero point of its own, which costs half a byte (4 bits) or a byte (8 bits) a block.</summary>
    /// <value>Default: false.</value>
    public bool IsAsymmetric { get; init; }

    /// <summary>Whether scales are searched for the smallest squared error instead of taken from the largest weight.</summary>
    /// <value>Default: true.</value>
    public bool SearchesScales { get; init; } = true;

    /// <summary>How the keys and values of a language model's earlier positions are kept: <see cref="Precision.Float32"/>, or <see cref="Precision.Int8"/> with a scale for every channel, which takes a quarter of the memory and less than half of the time.</summary>
    /// <value>Default: null, which is <see cref="Precision.Int8"/> where the model's matrices are quantised and 32-bit floats pass between them. In components of 16-bit floats <see cref="Precision.Float32"/> means those.</value>
    public Precision? KeyValueCache { get; init; }

    /// <summary>Reads the command line's form: <c>int4</c>, <c>auto</c>, <c>float16</c>, <c>float16,llama=int4</c>, <c>llama=int4,musicgen-decoder=int8</c>, <c>int4,llama/layers.0/*=int8,llama/output=float32</c>.</summary>
    /// <param name="text">Parts separated by commas: a precision for all, or <c>component=precision</c>, or <c>component/layers=precision</c> where <c>*</c> stands for any characters.</param>
    /// <exception cref="ArgumentException">It says something else.</exception>
    public static PrecisionPolicy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        PrecisionPolicy policy = Float32;
        List<PrecisionRule> rules = [];
        bool hasDefault = false;
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.Split('=', StringSplitOptions.TrimEntries) is [var target, var name])
            {
                string[] path = target.Split('/', 2);
                if (path[0].Length == 0 || (path.Length == 2 && path[1].Length == 0))
                {
                    throw new ArgumentException($"'{part}' names no component. Write component=precision, or component/layers=precision.", nameof(text));
                }

                rules.Add(new PrecisionRule(path[0], path.Length == 2 ? path[1] : null, PrecisionOf(name, part)));
            }
            else if (hasDefault)
            {
                throw new ArgumentException($"'{text}' gives two precisions for all components. Name the component of the second: component=precision.", nameof(text));
            }
            else
            {
                hasDefault = true;
                policy = part.Equals("auto", StringComparison.OrdinalIgnoreCase) ? Auto : policy with { Default = PrecisionOf(part, part) };
            }
        }

        return policy with { Rules = [.. policy.Rules, .. rules] };
    }

    /// <summary>Checks what no type can.</summary>
    /// <exception cref="ArgumentException">A value has no meaning.</exception>
    internal void Check()
    {
        if (!BlockFormat.BlockSizes.Contains(BlockSize))
        {
            throw new ArgumentException($"The block size is {BlockSize}; it must be {string.Join(", ", BlockFormat.BlockSizes.SkipLast(1))} or {BlockFormat.BlockSizes[^1]}.");
        }

        if (KeyValueCache is not (null or Precision.Float32 or Precision.Int8))
        {
            throw new ArgumentException($"Keys and values cannot be kept in {KeyValueCache}; choose float32 or int8.");
        }

        foreach (Precision precision in Rules.Select(rule => rule.Precision).Prepend(Default))
        {
            if (!Enum.IsDefined(precision))
            {
                throw new ArgumentException($"There is no precision {precision}.");
            }
        }
    }

    /// <summary>The precision of one matrix.</summary>
    /// <param name="component">The graph's name.</param>
    /// <param name="layer">The layer's node path without the first '/': <c>layers.0/attention/wo</c>.</param>
    /// <param name="role">What the matrix does.</param>
    /// <param name="isLarge">Whether the component is too slow in 8 bits.</param>
    /// <param name="rule">The rule that decided, or null.</param>
    internal Precision Of(string component, string layer, MatrixRole role, bool isLarge, out PrecisionRule? rule)
    {
        rule = Rules.LastOrDefault(candidate => candidate.Layers is not null && candidate.Fits(component, layer));
        if (rule is not null)
        {
            return rule.Precision;
        }

        rule = Rules.LastOrDefault(candidate => candidate.Layers is null && candidate.FitsComponent(component));
        Precision precision = rule?.Precision ?? DefaultOf(component, isLarge);
        return (precision, role) switch
        {
            (Precision.Int4, MatrixRole.Head) => Precision.Int8,
            (Precision.Float16, MatrixRole.Head) => Precision.Float32,
            (Precision.Int4 or Precision.Int8, MatrixRole.Table) => Precision.Float16,
            _ => precision,
        };
    }

    /// <summary>Whether a language model keeps its keys and values in 8 bits.</summary>
    /// <param name="component">The graph's name.</param>
    /// <param name="isLarge">Whether the component is too slow in 8 bits.</param>
    internal bool QuantizesCache(string component, bool isLarge)
    {
        Precision matrices = Rules.LastOrDefault(rule => rule.Layers is null && rule.FitsComponent(component))?.Precision ?? DefaultOf(component, isLarge);
        bool isInt8 = matrices is (Precision.Int8 or Precision.Int4) && !HasFloat16Elements(component, out _);
        return (KeyValueCache ?? (isInt8 ? Precision.Int8 : Precision.Float32)) == Precision.Int8;
    }

    /// <summary>Whether the nodes of a component pass on numbers of 16 bits: where it is named with float16, or all components are and it is not named with float32.</summary>
    /// <param name="component">The graph's name.</param>
    /// <param name="rule">The rule that decided, or null.</param>
    internal bool HasFloat16Elements(string component, out PrecisionRule? rule)
    {
        // Integers say how matrices are stored and leave this open.
        rule = Rules.LastOrDefault(candidate => candidate is { Layers: null, Precision: Precision.Float16 or Precision.Float32 } && candidate.FitsComponent(component));
        return (rule?.Precision ?? Default) == Precision.Float16;
    }

    /// <summary>The format of a matrix stored in <paramref name="precision"/>.</summary>
    internal BlockFormat FormatOf(Precision precision) => new(precision == Precision.Int4 ? 4 : 8, BlockSize, !IsAsymmetric, SearchesScales);

    private Precision DefaultOf(string component, bool isLarge)
        => IsAuto && isLarge && LanguageModels.Contains(component) ? Precision.Int4
        : Default is Precision.Float32 or Precision.Float16 || LanguageModels.Contains(component) ? Default
        : OnceARequest.Contains(component) ? Precision.Int8
        : Precision.Float32;

    private static Precision PrecisionOf(string name, string part)
    {
        foreach ((string known, Precision precision) in Names)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return precision;
            }
        }

        throw new ArgumentException($"'{part}' names no precision. Expected float32, float16, int8, int4 or auto, or component=precision.", nameof(name));
    }
}

/// <summary>An exception to a <see cref="PrecisionPolicy"/>.</summary>
/// <param name="Component">A component's name, <c>*</c> standing for any characters: <c>llama</c>, <c>musicgen-decoder</c>, <c>t5</c>, <c>prefix-*</c>, …</param>
/// <param name="Layers">Paths of layers below it, <c>*</c> standing for any characters: <c>layers.0/*</c>, <c>output</c>. Null: the whole component.</param>
/// <param name="Precision">How they are stored. <see cref="Sdk.Precision.Float16"/> is for components as a whole, for embedding tables of all, and for layers of components that are float16.</param>
public sealed record PrecisionRule(string Component, string? Layers, Precision Precision)
{
    /// <summary>The command line's form.</summary>
    public override string ToString() => $"{Component}{(Layers is null ? "" : "/")}{Layers}={Precision.ToString().ToLowerInvariant()}";

    internal bool FitsComponent(string component) => FileSystemName.MatchesSimpleExpression(Component, component, ignoreCase: false);

    internal bool Fits(string component, string layer) => FitsComponent(component) && FileSystemName.MatchesSimpleExpression(Layers, layer, ignoreCase: false);
}

/// <summary>What a matrix does in its graph.</summary>
internal enum MatrixRole
{
    /// <summary>A fully connected layer.</summary>
    Layer,

    /// <summary>The layer that gives the logits: what is rounded here is not mended by any later layer.</summary>
    Head,

    /// <summary>A table of vectors, of which few rows are read.</summary>
    Table,
}
