using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>The transformers behind a UNet's residual blocks.</summary>
/// <remarks>
/// <code>
/// x [B,C,Y,X] ─┬─ GroupNorm ── proj_in ── layers [B,Y·X,C] ── proj_out ── + ──   one for each path: itself, GPT-2's vectors, T5's states
///              └─────────────────────────────────────────────────────────┘
///
/// layer: h ─┬─ norm1 ── self attention ── + ─┬─ norm2 ── self or cross attention ── + ─┬─ norm3 ── feed-forward ── + ──
///           └────────────────────────────┘   └────────────────────────────────────┘   └──────────────────────────┘
/// feed-forward: (W_value n + b) * gelu(W_gate n + b) ── W_out
/// </code>
/// Sources: arXiv:2112.10752, arXiv:2002.05202 (GEGLU); diffusers 0.21.4 transformer_2d.py and attention.py.
/// </remarks>
internal sealed class UNetTransformers
{
    // Neither is in the configuration.
    private const float GroupNormEpsilon = 1e-6f;
    private const long FeedForwardFactor = 4;

    private readonly GraphBuilder _graph;
    private readonly UNetConfig _config;
    private readonly WeightMap _weights;
    private readonly UNetLayout _layout;
    private readonly UNetRepetition _repetition;
    private readonly (Value Key, Value Value)[] _keyValues;
    private readonly Value _promptBias;
    private readonly Dictionary<int, Value> _biases = [];

    /// <summary>Declares the inputs that come from the conditions.</summary>
    public UNetTransformers(GraphBuilder graph, UNetConfig config, WeightMap weights, UNetLayout layout, UNetRepetition repetition)
    {
        _graph = graph;
        _config = config;
        _weights = weights;
        _layout = layout;
        _repetition = repetition;
        _keyValues = [.. layout.CrossAttentions.Select((attention, i) =>
        {
            string length = attention.Path.Source == UNetAttentionSource.Prompt ? "prompt" : "generated";
            return (
                graph.Input($"cross_key_values.{i}.key", DataType.Float, "batch", attention.Heads, length, attention.HeadSize),
                graph.Input($"cross_key_values.{i}.value", DataType.Float, "batch", attention.Heads, length, attention.HeadSize));
        })];
        _promptBias = config.PromptWidth is null ? Value.None : graph.Input("cross_attention_bias", DataType.Float, "batch", 1, 1, "prompt");
    }

    /// <summary>Adds all paths behind one residual block.</summary>
    /// <param name="module">The block's name in the checkpoint: <c>down_blocks.1</c>.</param>
    /// <param name="tap">Its name among the taps: <c>down1</c>.</param>
    /// <param name="block">Sizes and paths.</param>
    /// <param name="layer">Which residual block.</param>
    /// <param name="level">Which resolution, 0 the finest.</param>
    /// <param name="x">[B, C, Y, X] float.</param>
    public Value Emit(string module, string tap, UNetBlockConfig block, int layer, int level, Value x)
    {
        for (int path = 0; path < block.Paths.Count; path++)
        {
            int index = (layer * block.Paths.Count) + path;
            Scope scope = new(block, block.Paths[path], $"{module}.attentions.{index}", $"/{module}/attentions.{index}", $"{tap}.attention{index}", level);
            x = EmitPath(scope, x);
            _graph.Tap(scope.Tap, x, DataType.Float, $"{scope.Tap}_batch", block.Channels, $"{scope.Tap}_height", $"{scope.Tap}_width");
        }

        return x;
    }

    private Value EmitPath(Scope scope, Value x)
    {
        WeightMap weights = _weights.Under($"{scope.Module}.");
        long channels = scope.Block.Channels;
        long inner = scope.Block.InnerWidth;
        NormWeights norm = GroupNorm.Read(weights, "norm", channels);
        Value normalized = GroupNorm.Emit(_graph, $"{scope.Name}/norm", x, norm, _config.Form.Groups, GroupNormEpsilon);
        VaeDecoderGraph.NormTap(_graph, x, $"{scope.Tap}.norm", channels)(normalized);
        Value tokens = _graph.Transpose($"{scope.Name}/tokens", normalized, 0, 2, 1);
        tokens = Linear.Emit(_graph, $"{scope.Name}/proj_in", tokens, Projection(weights, "proj_in", inner, channels), weights.Require("proj_in.bias", inner));
        TapProjection(scope, tokens, x, inner);
        for (int depth = 0; depth < scope.Block.TransformerLayers; depth++)
        {
            tokens = EmitLayer(scope, depth, tokens, ref x);
        }

        Value output = Linear.Emit(_graph, $"{scope.Name}/proj_out", tokens, Projection(weights, "proj_out", channels, inner), weights.Require("proj_out.bias", channels));
        Value planes = _graph.Op(
            "Reshape",
            $"{scope.Name}/planes",
            [_graph.Transpose($"{scope.Name}/channels", output, 0, 2, 1), _graph.Op("Shape", $"{scope.Name}/shape", [x])]);
        return _graph.Add($"{scope.Name}/Add", planes, x);
    }

    private Value EmitLayer(Scope scope, int depth, Value tokens, ref Value x)
    {
        string name = $"{scope.Name}/transformer_blocks.{depth}";
        string tap = scope.Block.TransformerLayers == 1 ? scope.Tap : $"{scope.Tap}.block{depth}";
        WeightMap weights = _weights.Under($"{scope.Module}.transformer_blocks.{depth}.");
        long inner = scope.Block.InnerWidth;
        Value attended = SelfAttend("attn1", Normalize(1, tokens));
        tokens = _graph.Add($"{name}/attn1/Add_bypass", attended, tokens);
        if (scope.Path.Source == UNetAttentionSource.Self)
        {
            attended = SelfAttend("attn2", Normalize(2, tokens));
        }
        else
        {
            int index = _layout.IndexOfCrossAttention($"{scope.Module}.transformer_blocks.{depth}.attn2");
            if (!_repetition.IsDone)
            {
                // The first condition: from here on every sample has its own row for each.
                _repetition.Begin(_keyValues[index].Key);
                tokens = _repetition.Repeat($"{name}/tokens", tokens, rank: 3);
                x = _repetition.Repeat($"{name}/planes", x, rank: 4);
            }

            attended = CrossAttend(index, Normalize(2, tokens));
        }

        tokens = _graph.Add($"{name}/attn2/Add_bypass", attended, tokens);
        return _graph.Add($"{name}/ff/Add_bypass", FeedForward(Normalize(3, tokens)), tokens);

        Value Normalize(int number, Value value)
            => LayerNorm.Emit(_graph, $"{name}/norm{number}", value, weights.Require($"norm{number}.weight", inner), weights.Require($"norm{number}.bias", inner));

        Value Project(string layer, Value value) => Linear.Emit(_graph, $"{name}/{layer}", value, weights.Require($"{layer.Replace('/', '.')}.weight", inner, inner));

        Value Out(string attention, Value context)
        {
            Value result = Linear.Emit(_graph, $"{name}/{attention}/to_out.0", context, weights.Require($"{attention}.to_out.0.weight", inner, inner), weights.Require($"{attention}.to_out.0.bias", inner));
            return Tapped($"{tap}.{attention}", result);
        }

        Value SelfAttend(string attention, Value value)
        {
            Value q = Project($"{attention}/to_q", value);
            Value k = Project($"{attention}/to_k", value);
            Value v = Project($"{attention}/to_v", value);
            return Out(attention, _graph.MicrosoftOp("MultiHeadAttention", $"{name}/{attention}/MultiHeadAttention", [q, k, v], ("num_heads", scope.Block.Heads)));
        }

        Value CrossAttend(int index, Value value)
        {
            Value q = Project("attn2/to_q", value);
            (Value key, Value values) = _keyValues[index];
            Value context = _graph.MicrosoftOp(
                "MultiHeadAttention",
                $"{name}/attn2/MultiHeadAttention",
                scope.Path.Source == UNetAttentionSource.Prompt ? [q, key, values, Value.None, Value.None, PromptBias(scope.Level, q)] : [q, key, values],
                ("num_heads", scope.Block.Heads));
            return Out("attn2", context);
        }

        Value FeedForward(Value value)
        {
            long width = FeedForwardFactor * inner;
            Weight matrix = weights.Require("ff.net.0.proj.weight", 2 * width, inner);
            Weight bias = weights.Require("ff.net.0.proj.bias", 2 * width);
            Value content = Linear.Emit(_graph, $"{name}/ff/value", value, matrix.Rows(0, width), bias.Rows(0, width));
            Value gate = Linear.Emit(_graph, $"{name}/ff/gate", value, matrix.Rows(width, width), bias.Rows(width, width));
            Value gated = _graph.Mul($"{name}/ff/Mul", content, Activations.Emit(_graph, $"{name}/ff/gate", gate, Activation.Gelu));
            return Tapped($"{tap}.ff", Linear.Emit(_graph, $"{name}/ff/out", gated, weights.Require("ff.net.2.weight", inner, width), weights.Require("ff.net.2.bias", inner)));
        }

        Value Tapped(string stage, Value value)
        {
            _graph.Tap(stage, value, DataType.Float, $"{stage}_batch", $"{stage}_positions", inner);
            return value;
        }
    }

    /// <summary>The operator takes one row of the bias per query: made once for all attentions of one size.</summary>
    private Value PromptBias(int level, Value queries)
    {
        if (!_biases.TryGetValue(level, out Value bias))
        {
            string name = $"/cross_attention_bias/level_{level}";
            Value shape = _graph.Concat(
                $"{name}/shape",
                0,
                _graph.Dimension($"{name}/batch", _promptBias, 0),
                _graph.Int64s(1),
                _graph.Dimension($"{name}/queries", queries, 1),
                _graph.Dimension($"{name}/prompt", _promptBias, 3));
            bias = _graph.Op("Expand", $"{name}/Expand", [_promptBias, shape]);
            _biases.Add(level, bias);
        }

        return bias;
    }

    private Weight Projection(WeightMap weights, string layer, long output, long input) => _config.HasLinearProjection
        ? weights.Require($"{layer}.weight", output, input)
        : weights.Require($"{layer}.weight", output, input, 1, 1).Reshaped(output, input);

    /// <summary>As the reference has it: planes behind a convolution, rows behind a linear layer.</summary>
    private void TapProjection(Scope scope, Value tokens, Value x, long inner)
    {
        string stage = $"{scope.Tap}.proj_in";
        if (!_graph.Options.IsTapped(stage))
        {
            return;
        }

        if (_config.HasLinearProjection)
        {
            _graph.Output(stage, tokens, DataType.Float, $"{stage}_batch", $"{stage}_positions", inner);
            return;
        }

        string name = $"/taps/{stage}";
        Value size = _graph.Op("Shape", $"{name}/size", [x], ("start", 2), ("end", 4));
        Value shape = _graph.Concat($"{name}/shape", 0, _graph.Dimension($"{name}/batch", x, 0), _graph.Int64s(inner), size);
        Value planes = _graph.Op("Reshape", $"{name}/Reshape", [_graph.Transpose($"{name}/Transpose", tokens, 0, 2, 1), shape]);
        _graph.Output(stage, planes, DataType.Float, $"{stage}_batch", inner, $"{stage}_height", $"{stage}_width");
    }

    /// <summary>One path: its sizes, what it looks at, and its names in the checkpoint, the graph and the taps.</summary>
    /// <param name="Block">Sizes.</param>
    /// <param name="Path">What it looks at.</param>
    /// <param name="Module">In the checkpoint.</param>
    /// <param name="Name">Node path.</param>
    /// <param name="Tap">Prefix of the taps.</param>
    /// <param name="Level">Which resolution, 0 the finest.</param>
    private sealed record Scope(UNetBlockConfig Block, UNetPath Path, string Module, string Name, string Tap, int Level);
}
