namespace M2UGen.Export.Quantization;

/// <summary>What an operator does with its floating point numbers in a graph of float16 elements.</summary>
internal enum Float16Handling
{
    /// <summary>It computes in float16; kernels take their sums in float32.</summary>
    Computes,

    /// <summary>It computes in float32: range or rounding would show.</summary>
    KeepsFloat32,

    /// <summary>It computes in the type of its first input. Norms: their statistics are float32 in every kernel, and a sum that is kept in float32 must not be rounded before them.</summary>
    Normalizes,

    /// <summary>It only moves numbers, of whatever type.</summary>
    Moves,

    /// <summary>It converts to the type that it names.</summary>
    Casts,

    /// <summary>It takes or gives integers and truth values, and floating point numbers of any type.</summary>
    Any,
}

/// <summary>The rule of one operator.</summary>
/// <param name="Handling">What it does.</param>
/// <param name="Data">For operators that move or normalise: the inputs that are moved. Others may be indices.</param>
/// <param name="AlwaysFloat32">Inputs that the operator's definition has as float32 whatever the rest is.</param>
/// <param name="Scores">The input that is added to attention scores and may hold the lowest float32, or -1.</param>
internal sealed record Float16Rule(Float16Handling Handling, int[] Data, int[] AlwaysFloat32, int Scores = -1);

/// <summary>The rule of every operator that our graphs have. One without a rule is an error: whoever uses it first decides.</summary>
internal static class Float16Rules
{
    private static readonly int[] First = [0];

    private static readonly Dictionary<string, Float16Rule> Rules = Make();

    /// <summary>The rule of an operator.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static Float16Rule Of(string operatorType) => Rules.TryGetValue(operatorType, out Float16Rule? rule)
        ? rule
        : throw new InvalidOperationException($"Operator '{operatorType}' has no rule for graphs of float16. Give it one in {nameof(Float16Rules)}.");

    private static Dictionary<string, Float16Rule> Make()
    {
        Dictionary<string, Float16Rule> rules = new(StringComparer.Ordinal)
        {
            ["MultiHeadAttention"] = new(Float16Handling.Computes, [], [], Scores: 5),

            // Scales of a cache in integers are float32 by definition.
            ["GroupQueryAttention"] = new(Float16Handling.Computes, [], [12, 13], Scores: 10),
            ["LayerNormalization"] = new(Float16Handling.Normalizes, First, []),
            ["SimplifiedLayerNormalization"] = new(Float16Handling.Normalizes, First, []),
            ["Cast"] = new(Float16Handling.Casts, First, []),
            ["Resize"] = new(Float16Handling.Moves, First, [1, 2]),
            ["Where"] = new(Float16Handling.Moves, [1, 2], []),
            ["Concat"] = new(Float16Handling.Moves, [], []),
        };
        Add(
            Float16Handling.Computes,
            [],
            "MatMul", "MatMulNBits", "GatherBlockQuantized", "Conv", "ConvTranspose", "SkipSimplifiedLayerNormalization",
            "Add", "Sub", "Mul", "Div", "Neg", "Min", "Max", "Clip",
            "Gelu", "FastGelu", "QuickGelu", "Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh");

        // Sums over thousands of positions, states that are carried on for thousands of steps, angles of hundreds of turns, and choices between neighbours.
        Add(
            Float16Handling.KeepsFloat32,
            [],
            "InstanceNormalization", "LpNormalization", "Softmax", "ReduceMean", "ReduceSum", "GlobalAveragePool", "LSTM", "Sin", "Cos", "Floor", "ArgMax");
        Add(Float16Handling.Moves, First, "Identity", "Reshape", "Transpose", "Gather", "Slice", "Split", "Expand", "Unsqueeze", "Squeeze", "Pad", "Tile");
        Add(Float16Handling.Any, [], "Shape", "Range", "Equal", "Not", "CumSum", "Mod");
        return rules;

        void Add(Float16Handling handling, int[] data, params ReadOnlySpan<string> operators)
        {
            foreach (string type in operators)
            {
                rules.Add(type, new Float16Rule(handling, data, []));
            }
        }
    }
}
