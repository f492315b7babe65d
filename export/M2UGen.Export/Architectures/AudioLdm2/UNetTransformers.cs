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
    private const int FeedForwardFactor = 4;

    private readonly GraphBuilder _graph;
    private readonly UNetConfig _config;
    private readonly WeightMap _weights;
    private readonly UNetLayout _layout;
    private readonly UNetRepetition _repetition;
    private readonly UNetCost _cost;
    private readonly (Value Key, Value Value)[] _keyValues;
    private readonly Value _promptBias;
    private readonly Dictionary<int, Value> _biases = [];

    /// <summary>Declares the inputs that come from the conditions.</summary>
    public UNetTransformers(GraphBuilder graph, UNetConfig config, WeightMap weights, UNetLayout layout, UNetRepetition repetition, UNetCost cost)
    {
        _graph = graph;
        _config = config;
        _weights = weights;
        _layout = layout;
        _repetition = repetition;
        _cost = cost;
        _keyValues = [.. layout.CrossAttentions.Select((attention, i) =>
        {
            string length = attention.Path.Source == UNetAttentionSource.Prompt ? "prompt" : "generated";
            return (
                graph.Input($"cross_key_values.{i}.key", graph.Elements, "batch", attention.Heads, length, attention.HeadSize),
                graph.Input($"cross_key_values.{i}.value", graph.Elements, "batch", attention.Heads, length, attention.HeadSize));
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
        Value normalized = GroupNorm.EmitPlain(_graph, $"{scope.Name}/norm", x, channels, _config.Form.Groups, GroupNormEpsilon);
        TapNorm(scope, normalized, norm, x);

        // The norm's weight and bias are the projection's as well: W (γ n + β) + b = (W γ) n + (W β + b).
        Weight matrix = Projection(weights, "proj_in", inner, channels);
        Weight bias = weights.Require("proj_in.bias", inner);
        Value rows = _graph.Transpose($"{scope.Name}/tokens", normalized, 0, 2, 1);
        Value tokens = Linear.Emit(_graph, $"{scope.Name}/proj_in", rows, matrix.TimesColumns(norm.Weight), bias.Plus(matrix, norm.Bias));
        _cost.AddLinear(scope.Level, _repetition.IsDone, inner, channels);
        TapProjection(scope, tokens, x, inner);
        Sum sum = new(tokens);
        for (int depth = 0; depth < scope.Block.TransformerLayers; depth++)
        {
            sum = EmitLayer(scope, depth, sum, ref x);
        }

        // Likewise the last layer's bias: W (h + b) + c = W h + (W b + c).
        matrix = Projection(weights, "proj_out", channels, inner);
        bias = weights.Require("proj_out.bias", channels).Plus(matrix, sum.Bias!);
        Value output = Linear.Emit(_graph, $"{scope.Name}/proj_out", _graph.Add($"{scope.Name}/Add_bypass", sum.Addend, sum.Bypass), matrix, bias);
        _cost.AddLinear(scope.Level, _repetition.IsDone, channels, inner);
        Value planes = _graph.Op(
            "Reshape",
            $"{scope.Name}/planes",
            [_graph.Transpose($"{scope.Name}/channels", output, 0, 2, 1), _graph.Op("Shape", $"{scope.Name}/shape", [x])]);
        return _graph.Add($"{scope.Name}/Add", planes, x);
    }

    private Sum EmitLayer(Scope scope, int depth, Sum sum, ref Value x)
    {
        string name = $"{scope.Name}/transformer_blocks.{depth}";
        string tap = scope.Block.TransformerLayers == 1 ? scope.Tap : $"{scope.Tap}.block{depth}";
        WeightMap weights = _weights.Under($"{scope.Module}.transformer_blocks.{depth}.");
        int inner = scope.Block.InnerWidth;
        (Value normalized, Value tokens) = Normalize(1, sum);
        sum = SelfAttend("attn1", normalized, tokens);
        if (scope.Path.Source == UNetAttentionSource.Self)
        {
            (normalized, tokens) = Normalize(2, sum);
            sum = SelfAttend("attn2", normalized, tokens);
        }
        else
        {
            int index = _layout.IndexOfCrossAttention($"{scope.Module}.transformer_blocks.{depth}.attn2");
            if (!_repetition.IsDone)
            {
                // The first condition: from here on every sample has its own row for each.
                _repetition.Begin(_keyValues[index].Key);
                sum = sum with
                {
                    Addend = _repetition.Repeat($"{name}/attn1/addend", sum.Addend, rank: 3),
                    Bypass = _repetition.Repeat($"{name}/attn1/bypass", sum.Bypass, rank: 3),
                };
                x = _repetition.Repeat($"{name}/planes", x, rank: 4);
            }

            (normalized, tokens) = Normalize(2, sum);
            sum = CrossAttend(index, normalized, tokens);
        }

        (normalized, tokens) = Normalize(3, sum);
        return FeedForward(normalized, tokens);

        // Two additions and a norm: ONNX Runtime's SkipLayerNormalization does all three at once, and takes longer than the three (measured, CPU).
        (Value Normalized, Value Sum) Normalize(int number, Sum value)
        {
            string norm = $"{name}/norm{number}";
            Value whole = value.Bypass;
            if (!value.Addend.IsNone)
            {
                Value biased = _graph.Add($"{norm}/Add_bias", value.Addend, _graph.Weight($"{Linear.InitializerPath(norm)}.addend_bias", value.Bias!));
                whole = _graph.Add($"{norm}/Add_bypass", biased, value.Bypass);
            }

            return (LayerNorm.Emit(_graph, norm, whole, weights.Require($"norm{number}.weight", inner), weights.Require($"norm{number}.bias", inner)), whole);
        }

        Value Project(string layer, Value value)
        {
            _cost.AddLinear(scope.Level, _repetition.IsDone, inner, inner);
            return Linear.Emit(_graph, $"{name}/{layer}", value, weights.Require($"{layer.Replace('/', '.')}.weight", inner, inner));
        }

        Sum SelfAttend(string attention, Value value, Value bypass)
        {
            Value q = Project($"{attention}/to_q", value);
            Value k = Project($"{attention}/to_k", value);
            Value v = Project($"{attention}/to_v", value);
            Value context = _graph.MicrosoftOp("MultiHeadAttention", $"{name}/{attention}/MultiHeadAttention", [q, k, v], ("num_heads", scope.Block.Heads));
            _cost.AddSelfAttention(scope.Level, _repetition.IsDone, inner);
            return Finish(attention, $"{attention}/to_out.0", context, inner, bypass);
        }

        Sum CrossAttend(int index, Value value, Value bypass)
        {
            Value q = Project("attn2/to_q", value);
            (Value key, Value values) = _keyValues[index];
            Value context = _graph.MicrosoftOp(
                "MultiHeadAttention",
                $"{name}/attn2/MultiHeadAttention",
                scope.Path.Source == UNetAttentionSource.Prompt ? [q, key, values, Value.None, Value.None, PromptBias(scope.Level, q)] : [q, key, values],
                ("num_heads", scope.Block.Heads));
            _cost.AddCrossAttention(scope.Level, scope.Path.Source, inner);
            return Finish("attn2", "attn2/to_out.0", context, inner, bypass);
        }

        Sum FeedForward(Value value, Value bypass)
        {
            int width = FeedForwardFactor * inner;
            Weight matrix = weights.Require("ff.net.0.proj.weight", 2 * width, inner);
            Weight bias = weights.Require("ff.net.0.proj.bias", 2 * width);
            Value content = Linear.Emit(_graph, $"{name}/ff/value", value, matrix.Rows(0, width), bias.Rows(0, width));
            Value gate = Linear.Emit(_graph, $"{name}/ff/gate", value, matrix.Rows(width, width), bias.Rows(width, width));
            Value gated = _graph.Mul($"{name}/ff/Mul", content, Activations.Emit(_graph, $"{name}/ff/gate", gate, Activation.Gelu));
            _cost.AddLinear(scope.Level, _repetition.IsDone, 2 * width, inner);
            return Finish("ff", "ff/net.2", gated, width, bypass);
        }

        // The last matrix of a part; its bias is left to whoever adds.
        Sum Finish(string part, string layer, Value value, int width, Value bypass)
        {
            string module = layer.Replace('/', '.');
            Value result = Linear.Emit(_graph, $"{name}/{layer}", value, weights.Require($"{module}.weight", inner, width));
            _cost.AddLinear(scope.Level, _repetition.IsDone, inner, width);
            Weight bias = weights.Require($"{module}.bias", inner);
            string stage = $"{tap}.{part}";
            if (_graph.Options.IsTapped(stage))
            {
                Value whole = _graph.Add($"/taps/{stage}/Add", result, _graph.Weight($"taps.{stage}.bias", bias));
                _graph.Output(stage, whole, DataType.Float, $"{stage}_batch", $"{stage}_positions", inner);
            }

            return new Sum(bypass, result, bias);
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

    /// <summary>The norm with its weight and bias, which the graph itself has folded into the next layer.</summary>
    private void TapNorm(Scope scope, Value normalized, NormWeights norm, Value x)
    {
        string stage = $"{scope.Tap}.norm";
        if (_graph.Options.IsTapped(stage))
        {
            long channels = scope.Block.Channels;
            string name = $"/taps/{stage}";
            Value scaled = _graph.Mul($"{name}/Mul", normalized, _graph.Weight($"taps.{stage}.weight", norm.Weight.Reshaped(channels, 1)));
            Value whole = _graph.Add($"{name}/Add", scaled, _graph.Weight($"taps.{stage}.bias", norm.Bias.Reshaped(channels, 1)));
            Value planes = _graph.Op("Reshape", $"{name}/Reshape", [whole, _graph.Op("Shape", $"{name}/Shape", [x])]);
            _graph.Output(stage, planes, DataType.Float, $"{stage}_batch", channels, $"{stage}_height", $"{stage}_width");
        }
    }

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

    /// <summary>A residual sum that is not added up yet.</summary>
    /// <param name="Bypass">[B, N, C]: what went past the last part.</param>
    /// <param name="Addend">[B, N, C]: what the part gave; absent at the beginning.</param>
    /// <param name="Bias">[C]: the part's last bias.</param>
    private readonly record struct Sum(Value Bypass, Value Addend = default, Weight? Bias = null);

    /// <summary>One path: its sizes, what it looks at, and its names in the checkpoint, the graph and the taps.</summary>
    /// <param name="Block">Sizes.</param>
    /// <param name="Path">What it looks at.</param>
    /// <param name="Module">In the checkpoint.</param>
    /// <param name="Name">Node path.</param>
    /// <param name="Tap">Prefix of the taps.</param>
    /// <param name="Level">Which resolution, 0 the finest.</param>
    private sealed record Scope(UNetBlockConfig Block, UNetPath Path, string Module, string Name, string Tap, int Level);
}
