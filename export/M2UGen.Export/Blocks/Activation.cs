using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>The activation functions that configurations of encoders name.</summary>
internal enum Activation
{
    /// <summary>x Φ(x), with the error function.</summary>
    Gelu,

    /// <summary>0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x σ(x).</summary>
    Silu,

    /// <summary>x σ(1.702 x).</summary>
    QuickGelu,
}

/// <summary>Reads and emits <see cref="Activation"/>.</summary>
internal static class Activations
{
    /// <summary>Adds the function.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/encoder/layers.0/feed_forward/act</c>.</param>
    /// <param name="x">[..] float.</param>
    /// <param name="activation">Which one.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, Activation activation) => activation switch
    {
        Activation.Gelu => graph.MicrosoftOp("Gelu", $"{name}/Gelu", [x]),
        Activation.GeluTanh => graph.MicrosoftOp("FastGelu", $"{name}/FastGelu", [x]),
        Activation.Relu => graph.Op("Relu", $"{name}/Relu", [x]),
        Activation.Silu => graph.MicrosoftOp("QuickGelu", $"{name}/QuickGelu", [x], ("alpha", 1f)),
        Activation.QuickGelu => graph.MicrosoftOp("QuickGelu", $"{name}/QuickGelu", [x], ("alpha", 1.702f)),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "There is no such activation."),
    };

    /// <summary>The function that a configuration names as transformers does (activations.py, ACT2FN); any other name is noted as unsupported.</summary>
    public static Activation Read(ConfigReader config, string key, string fallback = "gelu")
    {
        string name = config.TextOr(key, fallback);
        Activation? known = name switch
        {
            "gelu" or "gelu_python" => Activation.Gelu,

            // Three spellings of one formula; they differ in the last bit only.
            "gelu_fast" or "gelu_new" or "gelu_pytorch_tanh" => Activation.GeluTanh,
            "relu" => Activation.Relu,
            "silu" or "swish" => Activation.Silu,
            "quick_gelu" => Activation.QuickGelu,
            _ => null,
        };
        config.Require(known is not null, key, $"'{name}' is not supported; expected 'gelu', 'gelu_fast', 'gelu_new', 'gelu_pytorch_tanh', 'quick_gelu', 'relu' or 'silu'");
        return known ?? Activation.Gelu;
    }
}
