using System.Buffers.Binary;
using System.Runtime.InteropServices;
using M2UGen.Export.Quantization;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Graph;

/// <summary>Describes one ONNX graph node by node and saves it with its weights beside it as external data.</summary>
/// <remarks>
/// Node names spell the checkpoint's path (<c>/layers.0/attention/wq/MatMul</c>) and an edge is named after the node that yields it.
/// A name used twice is an error. Nothing is read from the checkpoint before <see cref="GraphFile.Save"/>.
/// </remarks>
internal sealed class GraphBuilder
{
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, Value> _constants = [];
    private readonly List<GraphNode> _nodes = [];
    private readonly List<(string Name, InitializerData Data)> _initializers = [];
    private readonly List<InlineConstant> _inline = [];
    private readonly List<TensorSpec> _inputs = [];
    private readonly List<TensorSpec> _outputs = [];
    private readonly SortedDictionary<(MatrixRole Role, Precision Precision), int> _matrices = [];
    private readonly SortedSet<string> _beyondFloat16 = new(StringComparer.Ordinal);
    private GraphContents? _contents;
    private int _keepsFloat32;

    /// <summary>Starts an empty graph called <paramref name="name"/>.</summary>
    public GraphBuilder(string name, GraphOptions? options = null)
    {
        Name = name;
        Options = options ?? new GraphOptions();
        Elements = Options.ElementsOf(name);
    }

    /// <summary>The graph's name: the component's.</summary>
    public string Name { get; }

    /// <summary>Whether the component's weights are so many that 8 bits each are too slow: what <see cref="PrecisionPolicy.Auto"/> goes by.</summary>
    /// <value>Default: false.</value>
    public bool IsLarge { get; init; }

    /// <summary>What the caller chose.</summary>
    public GraphOptions Options { get; }

    /// <summary>In what nodes pass numbers on: <see cref="DataType.Float"/> or <see cref="DataType.Float16"/>. Blocks describe everything in float32; what float16 makes of it says <see cref="Float16Pass"/>.</summary>
    public DataType Elements { get; }

    /// <summary>The inputs so far, in order.</summary>
    public IReadOnlyList<TensorSpec> Inputs => _inputs;

    /// <summary>The outputs so far, in order; taps are among them.</summary>
    public IReadOnlyList<TensorSpec> Outputs => _outputs;

    /// <summary>How many matrices of each role are stored in which precision.</summary>
    internal IReadOnlyDictionary<(MatrixRole Role, Precision Precision), int> Matrices => _matrices;

    /// <summary>Weights that a writing in float16 found beyond its range, and that stay in float32 for that.</summary>
    internal IReadOnlySet<string> BeyondFloat16 => _beyondFloat16;

    /// <summary>What the graph is made of, in the types of <see cref="Elements"/>.</summary>
    internal GraphContents Contents
    {
        get
        {
            GraphContents described = new(_nodes, _initializers, _inline);
            return _contents ??= Elements == DataType.Float16 ? Float16Pass.Apply(described, _inputs, _outputs, _beyondFloat16) : described;
        }
    }

    /// <summary>Declares an input. A dimension is a number or, where it may vary, its name.</summary>
    public Value Input(string name, DataType type, params ReadOnlySpan<TensorDimension> dimensions)
    {
        Claim(name);
        _contents = null;
        _inputs.Add(new TensorSpec(name, type, dimensions.ToArray()));
        return new Value(name);
    }

    /// <summary>Declares an output under <paramref name="name"/>.</summary>
    public void Output(string name, Value value, DataType type, params ReadOnlySpan<TensorDimension> dimensions)
    {
        if (value.Name != name)
        {
            Claim(name);
            Node("Identity", "", $"/outputs/{name}", [value], [name], []);
        }

        _contents = null;
        _outputs.Add(new TensorSpec(name, type, dimensions.ToArray()));
    }

    /// <summary>Marks an inner stage; it becomes an output only where <see cref="GraphOptions.Taps"/> asks for it.</summary>
    public void Tap(string name, Value value, DataType type = DataType.Float, params ReadOnlySpan<TensorDimension> dimensions)
    {
        if (Options.IsTapped(name))
        {
            Output(name, value, type, dimensions);
        }
    }

    /// <summary>Nodes that are added until the result is disposed compute in float32, whatever <see cref="Elements"/> is: their numbers are too large for float16, or its rounding would show.</summary>
    public IDisposable KeepFloat32() => new Float32Scope(this);

    /// <summary>The precision in which a layer is to store its matrix; asked once a matrix.</summary>
    /// <param name="layer">Node path of the layer.</param>
    /// <param name="role">What the matrix does.</param>
    /// <exception cref="ExportException">The caller's choice cannot be had.</exception>
    public Precision ChoosePrecision(string layer, MatrixRole role)
    {
        Precision precision = Options.PrecisionOf(Name, layer, role, IsLarge);
        if (precision == Precision.Float16 && role != MatrixRole.Table && _keepsFloat32 > 0)
        {
            precision = Precision.Float32;
        }

        _matrices[(role, precision)] = _matrices.GetValueOrDefault((role, precision)) + 1;
        return precision;
    }

    /// <summary>Whether the graph is to keep keys and values in 8 bits.</summary>
    public bool QuantizesCache => Options.Precision.QuantizesCache(Name, IsLarge);

    /// <summary>Adds a node of the ONNX standard with one output.</summary>
    public Value Op(string opType, string name, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes)
        => Ops(opType, name, 1, inputs, attributes)[0];

    /// <summary>Adds a node of the ONNX standard with several outputs.</summary>
    public Value[] Ops(string opType, string name, int outputCount, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes)
        => AddNode(opType, "", name, outputCount, inputs, attributes);

    /// <summary>Adds a node of ONNX Runtime's own operator set (<c>com.microsoft</c>) with one output.</summary>
    public Value MicrosoftOp(string opType, string name, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes)
        => MicrosoftOps(opType, name, 1, inputs, attributes)[0];

    /// <summary>Adds a node of ONNX Runtime's own operator set (<c>com.microsoft</c>) with several outputs.</summary>
    public Value[] MicrosoftOps(string opType, string name, int outputCount, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes)
        => AddNode(opType, "com.microsoft", name, outputCount, inputs, attributes);

    /// <summary>Adds a node whose outputs have given names: for graph outputs that operators must write in place, such as <c>present.0.key</c>.</summary>
    /// <param name="opType">The operator.</param>
    /// <param name="domain">Empty for the standard, <c>com.microsoft</c> for ONNX Runtime's own.</param>
    /// <param name="name">The node's name.</param>
    /// <param name="inputs">The inputs in the operator's order.</param>
    /// <param name="outputs">A name per output.</param>
    /// <param name="attributes">The attributes.</param>
    public void Node(string opType, string domain, string name, ReadOnlySpan<Value> inputs, string[] outputs, ReadOnlySpan<NodeAttribute> attributes)
    {
        Claim($"node {name}");
        string[] inputNames = new string[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputNames[i] = inputs[i].Name ?? "";
        }

        _nodes.Add(new GraphNode(opType, domain, name, inputNames, outputs, attributes.ToArray(), _keepsFloat32 > 0));
        _contents = null;
    }

    /// <summary>An initializer in the external data file, computed while saving.</summary>
    public Value Initializer(string name, InitializerData data)
    {
        Claim(name);
        _initializers.Add((name, data));
        _contents = null;
        return new Value(name);
    }

    /// <summary>A float32 weight as it is. Matrices of linear layers and embeddings go through their blocks, which choose the precision.</summary>
    public Value Weight(string name, Weight weight) => Initializer(name, weight.AsInitializer());

    /// <summary>A constant vector of 64-bit integers; equal constants are stored once.</summary>
    public Value Int64s(params ReadOnlySpan<long> values)
        => Constant("int64", DataType.Int64, [values.Length], MemoryMarshal.AsBytes(values), string.Join('_', values.ToArray()));

    /// <summary>A constant scalar of 64 bits.</summary>
    public Value Int64Scalar(long value)
    {
        Span<byte> raw = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(raw, value);
        return Constant("int64_scalar", DataType.Int64, [], raw, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>A constant scalar in float32.</summary>
    public Value FloatScalar(float value)
    {
        Span<byte> raw = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(raw, value);
        return Constant("float_scalar", DataType.Float, [], raw, value.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>A constant vector in float32; equal constants are stored once.</summary>
    public Value Floats(params ReadOnlySpan<float> values)
        => Constant("float", DataType.Float, [values.Length], MemoryMarshal.AsBytes(values), Convert.ToHexString(MemoryMarshal.AsBytes(values)));

    /// <summary>Keeps weights, and the nodes that use them, in float32.</summary>
    /// <returns>False for weights that are float16 because their block says so, as tables are.</returns>
    internal bool TryKeepFloat32(IReadOnlyList<string> weights)
    {
        if (_initializers.Any(initializer => initializer.Data.Type == DataType.Float16 && weights.Contains(initializer.Name)))
        {
            return false;
        }

        _beyondFloat16.UnionWith(weights);
        _contents = null;
        return true;
    }

    internal void WriteModel(ProtoWriter writer, IReadOnlyList<OnnxProto.ExternalTensor> external)
        => OnnxProto.WriteModel(writer, Name, Contents, external, _inputs, _outputs);

    private Value[] AddNode(string opType, string domain, string name, int outputCount, ReadOnlySpan<Value> inputs, ReadOnlySpan<NodeAttribute> attributes)
    {
        string[] outputs = new string[outputCount];
        for (int i = 0; i < outputCount; i++)
        {
            outputs[i] = $"{name}/output_{i}";
        }

        Node(opType, domain, name, inputs, outputs, attributes);
        return Array.ConvertAll(outputs, output => new Value(output));
    }

    private Value Constant(string kind, DataType type, long[] shape, ReadOnlySpan<byte> raw, string label)
    {
        string name = $"/constants/{kind}/{label}";
        if (!_constants.TryGetValue(name, out Value value))
        {
            Claim(name);
            _inline.Add(new InlineConstant(name, type, shape, raw.ToArray()));
            _contents = null;
            value = new Value(name);
            _constants.Add(name, value);
        }

        return value;
    }

    private void Claim(string name)
    {
        if (!_names.Add(name))
        {
            throw new InvalidOperationException($"Graph '{Name}' already has '{name}'.");
        }
    }

    private sealed class Float32Scope : IDisposable
    {
        private readonly GraphBuilder _graph;
        private bool _isOver;

        public Float32Scope(GraphBuilder graph)
        {
            _graph = graph;
            graph._keepsFloat32++;
        }

        public void Dispose()
        {
            if (!_isOver)
            {
                _isOver = true;
                _graph._keepsFloat32--;
            }
        }
    }
}
