using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>What all residual blocks of a network share.</summary>
/// <param name="Groups">Of the group norms.</param>
/// <param name="Epsilon">Of the group norms.</param>
/// <param name="Activation">Before each convolution.</param>
internal sealed record ResnetForm(int Groups, float Epsilon, Activation Activation);

/// <summary>A residual block of two 3×3 convolutions, as diffusers' networks have them.</summary>
/// <remarks>
/// <code>
/// x ─┬─ norm1 ─ act ─ conv1 ─ (+ time [1,C,1,1]) ─ norm2 ─ act ─ conv2 ─ + ── y
///    └──────────── identity, or conv_shortcut where C changes ───────────┘
/// </code>
/// Source: arXiv:1512.03385; diffusers 0.21.4 resnet.py, ResnetBlock2D.
/// </remarks>
internal static class ResnetBlock
{
    /// <summary>Adds the block.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path, for example <c>/down_blocks.0/resnets.0</c>.</param>
    /// <param name="x">[B, in, Y, X] float.</param>
    /// <param name="weights">The block's tensors: <c>norm1.weight</c>, <c>conv1.weight</c>, …</param>
    /// <param name="input">Channels in.</param>
    /// <param name="output">Channels out.</param>
    /// <param name="form">What it shares with the others.</param>
    /// <param name="time">[1, out, 1, 1]: the time embedding's projection; absent where there is no time.</param>
    public static Value Emit(GraphBuilder graph, string name, Value x, WeightMap weights, long input, long output, ResnetForm form, Value time = default)
    {
        Value y = Part("1", x, input);
        y = time.IsNone ? y : graph.Add($"{name}/time/Add", y, time);
        y = Part("2", y, output);
        Value bypass = input == output ? x : Conv2d.EmitSame(graph, $"{name}/conv_shortcut", x, Conv2d.Read(weights, "conv_shortcut", output, input, 1));
        return graph.Add($"{name}/Add", y, bypass);

        Value Part(string number, Value value, long channels)
        {
            Value normalized = NormalizeAndActivate(graph, $"{name}/norm{number}", value, GroupNorm.Read(weights, $"norm{number}", channels), form);
            return Conv2d.EmitSame(graph, $"{name}/conv{number}", normalized, Conv2d.Read(weights, $"conv{number}", output, channels, 3));
        }
    }

    /// <summary>Adds a group norm and the activation behind it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Node path of the norm.</param>
    /// <param name="x">[B, C, Y, X] float.</param>
    /// <param name="weights">[C] and [C].</param>
    /// <param name="form">Groups, epsilon, activation.</param>
    /// <param name="tap">Receives the norm's output [B, C, Y · X].</param>
    /// <returns>[B, C, Y, X] float.</returns>
    public static Value NormalizeAndActivate(GraphBuilder graph, string name, Value x, NormWeights weights, ResnetForm form, Action<Value>? tap = null)
    {
        Value normalized = GroupNorm.Emit(graph, name, x, weights, form.Groups, form.Epsilon);
        tap?.Invoke(normalized);
        Value active = Activations.Emit(graph, $"{name}/act", normalized, form.Activation);
        return graph.Op("Reshape", $"{name}/planes", [active, graph.Op("Shape", $"{name}/shape", [x])]);
    }
}
