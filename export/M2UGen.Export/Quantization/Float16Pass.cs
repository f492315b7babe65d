using System.Buffers.Binary;
using System.Runtime.InteropServices;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Quantization;

/// <summary>Turns the nodes of a graph that is described in float32 into those of the same graph with float16 elements.</summary>
/// <remarks>
/// <code>
/// input float32 ── Cast ── node in float16 ── node in float16 ── Cast ── node kept in float32 ── output float32
/// bias of scores ── Max(-32768) ── Cast ── attention in float16
/// </code>
/// A node goes by the rule of its operator (<see cref="Float16Rules"/>), or by <see cref="GraphBuilder.KeepFloat32"/> where its place in the model decides. Inputs and outputs of the graph keep
/// the types that they are declared with; a Cast stands where two types meet, one for each value. Weights take the type of the node that uses them and are rounded while they stream into the
/// file: nothing is read here. Why it is so: docs/decisions/0007-float16.md.
/// </remarks>
internal sealed class Float16Pass
{
    // Half of the largest float16: a softmax gives such a score the weight zero, and another score can still be added to it without overflow.
    private const float LowestScore = -32768;

    private readonly Dictionary<string, DataType> _outputs;
    private readonly IReadOnlySet<string> _kept;

    // Edges that hold floating point numbers: what they are called now, and in which type they are there.
    private readonly Dictionary<string, Number> _numbers = new(StringComparer.Ordinal);

    // Weights and constants in float32 that no node has used yet.
    private readonly HashSet<string> _freeWeights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, InlineConstant> _constants;

    private readonly Dictionary<(string Name, DataType Type, bool IsScore), string> _converted = [];
    private readonly HashSet<string> _halved = new(StringComparer.Ordinal);
    private readonly List<GraphNode> _nodes = [];
    private readonly List<InlineConstant> _used = [];

    private Float16Pass(GraphContents contents, IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs, IReadOnlySet<string> kept)
    {
        _kept = kept;
        _outputs = outputs.Where(output => IsFloatingPoint(output.Kind)).ToDictionary(output => output.Name, output => output.Kind, StringComparer.Ordinal);
        _constants = contents.Constants.ToDictionary(constant => constant.Name, StringComparer.Ordinal);
        foreach (TensorSpec input in inputs.Where(input => IsFloatingPoint(input.Kind)))
        {
            _numbers.Add(input.Name, new Number(input.Name, input.Kind));
        }

        foreach ((string name, InitializerData data) in contents.Initializers)
        {
            if (data.Type == DataType.Float)
            {
                _freeWeights.Add(name);
            }
            else if (IsFloatingPoint(data.Type))
            {
                _numbers.Add(name, new Number(name, data.Type));
            }
        }
    }

    /// <summary>Converts.</summary>
    /// <param name="contents">The graph in float32; tables may be in float16 already.</param>
    /// <param name="inputs">Its inputs, whose types stay.</param>
    /// <param name="outputs">Its outputs, whose types stay.</param>
    /// <param name="kept">Weights that float16 cannot hold: they stay in float32, and so do the nodes that use them.</param>
    /// <exception cref="InvalidOperationException">An operator has no rule, or a constant does not fit into float16.</exception>
    public static GraphContents Apply(GraphContents contents, IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs, IReadOnlySet<string> kept)
    {
        Float16Pass pass = new(contents, inputs, outputs, kept);
        foreach (GraphNode node in contents.Nodes)
        {
            pass.Convert(node);
        }

        return new GraphContents(
            pass._nodes,
            [.. contents.Initializers.Select(initializer => pass._halved.Contains(initializer.Name) ? (initializer.Name, new Float16Initializer(initializer.Data)) : initializer)],
            pass._used);
    }

    private static bool IsFloatingPoint(DataType type) => type is DataType.Float or DataType.Float16;

    private void Convert(GraphNode node)
    {
        Float16Rule rule = Float16Rules.Of(node.OpType);
        string[] moved = [.. node.Inputs.Where((_, index) => rule.Data.Length == 0 || rule.Data.Contains(index)).Where(HoldsNumbers)];
        if (moved.Length == 0 || rule.Handling == Float16Handling.Any)
        {
            // Integers, truth values, and what takes any type.
            _nodes.Add(node with { Inputs = [.. node.Inputs.Select(AsIs)] });
            if (rule.Handling == Float16Handling.Casts)
            {
                ConvertCastOfIntegers(node);
            }
        }
        else if (rule.Handling == Float16Handling.Casts)
        {
            ConvertCast(node);
        }
        else if (node.OpType == "Identity" && _outputs.TryGetValue(node.Outputs[0], out DataType declared))
        {
            ConvertOutput(node, declared);
        }
        else
        {
            ConvertNumbers(node, rule, TypeOf(node, rule, moved));
        }
    }

    /// <summary>The type that a node computes or moves in.</summary>
    private DataType TypeOf(GraphNode node, Float16Rule rule, string[] moved)
    {
        bool keeps = node.KeepsFloat32 || node.Inputs.Any(_kept.Contains);
        DataType[] found = [.. moved.Where(_numbers.ContainsKey).Select(input => _numbers[input].Type).Distinct()];
        return rule.Handling switch
        {
            // One type, and nothing is computed: whatever it is.
            Float16Handling.Moves when found.Length == 1 => found[0],
            _ when keeps => DataType.Float,
            Float16Handling.KeepsFloat32 => DataType.Float,
            Float16Handling.Normalizes when found.Length == 1 => found[0],
            _ => DataType.Float16,
        };
    }

    private void ConvertNumbers(GraphNode node, Float16Rule rule, DataType type)
    {
        string[] inputs = [.. node.Inputs.Select((input, index) => !HoldsNumbers(input)
            ? AsIs(input)
            : In(input, rule.AlwaysFloat32.Contains(index) ? DataType.Float : type, index == rule.Scores))];
        _nodes.Add(node with { Inputs = inputs });
        foreach (string output in node.Outputs)
        {
            // Caches that an operator writes in place have the type that they are declared with.
            if (output.Length > 0 && node.OpType != "ArgMax")
            {
                _numbers[output] = new Number(output, _outputs.GetValueOrDefault(output, type));
            }
        }
    }

    /// <summary>A conversion to integers stays; one to a floating point type is done already, or gives what its place asks for.</summary>
    private void ConvertCast(GraphNode node)
    {
        DataType target = TargetOf(node);
        if (!IsFloatingPoint(target))
        {
            _nodes.Add(node with { Inputs = [.. node.Inputs.Select(AsIs)] });
            return;
        }

        DataType type = node.KeepsFloat32 ? target : DataType.Float16;
        _numbers[node.Outputs[0]] = new Number(In(node.Inputs[0], type, isScore: false), type);
    }

    private void ConvertCastOfIntegers(GraphNode node)
    {
        if (TargetOf(node) == DataType.Float)
        {
            DataType type = node.KeepsFloat32 ? DataType.Float : DataType.Float16;
            _nodes[^1] = _nodes[^1] with { Attributes = [("to", (long)type)] };
            _numbers[node.Outputs[0]] = new Number(node.Outputs[0], type);
        }
    }

    private void ConvertOutput(GraphNode node, DataType declared)
    {
        bool isDeclared = !_numbers.TryGetValue(node.Inputs[0], out Number number) || number.Type == declared;
        string input = isDeclared ? In(node.Inputs[0], declared, isScore: false) : number.Name;
        _nodes.Add(isDeclared ? node with { Inputs = [input] } : node with { OpType = "Cast", Inputs = [input], Attributes = [("to", (long)declared)] });
        _numbers[node.Outputs[0]] = new Number(node.Outputs[0], declared);
    }

    /// <summary>Whether an edge holds floating point numbers.</summary>
    private bool HoldsNumbers(string edge)
        => _numbers.ContainsKey(edge) || _freeWeights.Contains(edge) || (_constants.TryGetValue(edge, out InlineConstant? constant) && IsFloatingPoint(constant.Type));

    /// <summary>An edge in whatever type it has.</summary>
    private string AsIs(string edge)
    {
        if (_numbers.TryGetValue(edge, out Number number))
        {
            return number.Name;
        }

        Use(edge);
        return edge;
    }

    /// <summary>An edge's numbers in a type.</summary>
    private string In(string edge, DataType type, bool isScore)
    {
        if (_freeWeights.Contains(edge))
        {
            Store(edge, _kept.Contains(edge) ? DataType.Float : type);
        }
        else if (!_numbers.ContainsKey(edge))
        {
            return type == DataType.Float ? AsIs(edge) : HalfConstant(_constants[edge]);
        }

        Number number = _numbers[edge];
        if (number.Type == type)
        {
            return number.Name;
        }

        bool lifts = isScore && type == DataType.Float16;
        if (!_converted.TryGetValue((number.Name, type, lifts), out string? converted))
        {
            string path = $"{number.Name}/{(lifts ? "score_" : "")}{type.ToString().ToLowerInvariant()}";
            converted = $"{path}/output_0";
            _nodes.Add(new GraphNode("Cast", "", $"{path}/Cast", [lifts ? Lifted(number.Name, path) : number.Name], [converted], [("to", (long)type)]));
            _converted.Add((number.Name, type, lifts), converted);
        }

        return converted;
    }

    /// <summary>A bias of attention scores without what float16 would make infinite: a row of infinities has no softmax.</summary>
    private string Lifted(string name, string path)
    {
        byte[] raw = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(raw, LowestScore);
        InlineConstant lowest = new("/constants/float_scalar/lowest_score", DataType.Float, [], raw);
        _constants.TryAdd(lowest.Name, lowest);
        Use(lowest.Name);
        string lifted = $"{path}/lifted";
        _nodes.Add(new GraphNode("Max", "", $"{path}/Max", [name, lowest.Name], [lifted], []));
        return lifted;
    }

    private void Store(string weight, DataType type)
    {
        _freeWeights.Remove(weight);
        _numbers.Add(weight, new Number(weight, type));
        if (type == DataType.Float16)
        {
            _halved.Add(weight);
        }
    }

    private string HalfConstant(InlineConstant constant)
    {
        string name = $"{constant.Name}/float16";
        if (!_constants.ContainsKey(name))
        {
            ReadOnlySpan<float> floats = MemoryMarshal.Cast<byte, float>(constant.Raw);
            byte[] raw = new byte[floats.Length * 2];
            for (int i = 0; i < floats.Length; i++)
            {
                Half half = (Half)floats[i];
                if (!Half.IsFinite(half))
                {
                    throw new InvalidOperationException($"The constant {floats[i]} does not fit into float16. Compute what uses it under {nameof(GraphBuilder.KeepFloat32)}.");
                }

                BinaryPrimitives.WriteHalfLittleEndian(raw.AsSpan(i * 2), half);
            }

            _constants.Add(name, new InlineConstant(name, DataType.Float16, constant.Shape, raw));
        }

        Use(name);
        return name;
    }

    private void Use(string edge)
    {
        if (_constants.TryGetValue(edge, out InlineConstant? constant) && !_used.Contains(constant))
        {
            _used.Add(constant);
        }
    }

    private static DataType TargetOf(GraphNode cast) => (DataType)(long)cast.Attributes.Single(attribute => attribute.Name == "to").Content;

    /// <summary>Floating point numbers.</summary>
    /// <param name="Name">The edge that holds them in the new graph.</param>
    /// <param name="Type">In which type.</param>
    private readonly record struct Number(string Name, DataType Type);
}
