using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>The stages of HTSAT: attention inside windows that every second layer shifts by half, and four positions merged into one between the stages.</summary>
/// <remarks>
/// <code>
/// layer:  x [B,P,C] ─┬─ LayerNorm ── Gather(window order) ── [B·windows, area, C] ── attention + bias ── Gather(back) ─ + ─┬─ LayerNorm ── Linear ── act ── Linear ─ + ─
///                    └─────────────────────────────────────────────────────────────────────────────────────────────────┘ └──────────────────────────────────────────┘
/// merge:  x [B,P,C] ── Gather(four neighbours together) ── [B,P/4,4C] ── LayerNorm ── Linear ── [B,P/4,2C]
/// </code>
/// A shift moves the picture round its edges, so in shifted layers positions from opposite edges are hidden from one another. Where the picture is not larger than
/// a window nothing is shifted. Sources: arXiv:2103.14030, arXiv:2202.00874; transformers modeling_clap.py, ClapAudioStage, ClapAudioLayer and ClapAudioPatchMerging.
/// </remarks>
internal sealed class HtsatStages
{
    private readonly GraphBuilder _graph;
    private readonly ClapAudioConfig _config;
    private readonly WeightMap _weights;
    private readonly Value _batch;

    // The layers of a stage share these.
    private readonly Dictionary<string, Value> _tables = [];

    /// <summary>Prepares the stages.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">The encoder's tensors: <c>layers.0.blocks.0.…</c>.</param>
    /// <param name="batch">int64 [1].</param>
    public HtsatStages(GraphBuilder graph, ClapAudioConfig config, WeightMap weights, Value batch)
    {
        _graph = graph;
        _config = config;
        _weights = weights;
        _batch = batch;
    }

    /// <summary>Adds all stages. Taps: <c>stage{i}</c> and <c>stage{i}.block{j}</c> [B,P,C], <c>stage{i}.block{j}.attention_windows</c> [B·windows, area, C].</summary>
    /// <param name="x">[B, rows · columns, C] float.</param>
    /// <returns>[B, positions of the last stage, its width] float.</returns>
    public Value Emit(Value x)
    {
        for (int stage = 0; stage < _config.Depths.Count; stage++)
        {
            x = Stage(stage, x);
        }

        return x;
    }

    private Value Stage(int stage, Value x)
    {
        int rows = _config.GridRows >> stage;
        int columns = _config.GridColumns >> stage;
        long width = _config.WidthOf(stage);
        WeightMap weights = _weights.Under($"layers.{stage}.");
        for (int block = 0; block < _config.Depths[stage]; block++)
        {
            bool shifts = block % 2 == 1 && Math.Min(rows, columns) > _config.WindowSize;
            WindowLayout layout = new(rows, columns, _config.WindowSize, shifts ? _config.WindowSize / 2 : 0);
            x = Layer(stage, block, layout, weights.Under($"blocks.{block}."), x);
        }

        bool isLast = stage + 1 == _config.Depths.Count;
        if (!isLast)
        {
            x = Merge(stage, rows, columns, width, weights.Under("downsample."), x);
        }

        _graph.Tap($"stage{stage}", x, DataType.Float, "batch", isLast ? rows * columns : rows * columns / 4, isLast ? width : 2 * width);
        return x;
    }

    private Value Layer(int stage, int block, WindowLayout layout, WeightMap weights, Value x)
    {
        string name = $"/layers.{stage}/blocks.{block}";
        string tap = $"stage{stage}.block{block}";
        long width = _config.WidthOf(stage);
        int heads = _config.Heads[stage];
        Value normalized = Norm($"{name}/layernorm_before", weights, "layernorm_before", x, width, _config.Epsilon);
        Value windows = _graph.Reshape($"{name}/windows", _graph.Gather($"{name}/to_windows", normalized, Order(stage, layout, back: false), 1), -1, layout.Area, width);
        SelfAttentionWeights attention = new(
            Layer("attention.self.query", width, width, _config.HasQkvBias),
            Layer("attention.self.key", width, width, _config.HasQkvBias),
            Layer("attention.self.value", width, width, _config.HasQkvBias),
            Layer("attention.output.dense", width, width));
        Value attended = SelfAttention.Emit(_graph, $"{name}/attention", windows, attention, heads, bias: Bias($"{name}/attention", stage, layout, weights, heads));
        _graph.Tap($"{tap}.attention_windows", attended, DataType.Float, "windows", layout.Area, width);
        Value picture = _graph.Reshape($"{name}/picture", attended, -1, layout.Rows * layout.Columns, width);
        x = _graph.Add($"{name}/attention/Add_bypass", x, _graph.Gather($"{name}/from_windows", picture, Order(stage, layout, back: true), 1));

        long inner = (long)(_config.FeedForwardRatio * width);
        LinearWeights up = Layer("intermediate.dense", inner, width);
        LinearWeights down = Layer("output.dense", width, inner);
        Value y = Linear.Emit(_graph, $"{name}/intermediate", Norm($"{name}/layernorm_after", weights, "layernorm_after", x, width, _config.Epsilon), up.Weight, up.Bias);
        y = Linear.Emit(_graph, $"{name}/output", Activations.Emit(_graph, $"{name}/act", y, _config.Activation), down.Weight, down.Bias);
        x = _graph.Add($"{name}/output/Add_bypass", x, y);
        _graph.Tap(tap, x, DataType.Float, "batch", layout.Rows * layout.Columns, width);
        return x;

        LinearWeights Layer(string part, long output, long input, bool hasBias = true)
            => new(weights.Require($"{part}.weight", output, input), hasBias ? weights.Require($"{part}.bias", output) : null);
    }

    /// <summary>[1, heads, area, area], or [B·windows, heads, area, area] in shifted layers: the learnt numbers of relative positions, and what is hidden.</summary>
    private Value Bias(string name, int stage, WindowLayout layout, WeightMap weights, int heads)
    {
        int[] index = layout.RelativeIndex();
        int span = (2 * layout.Window) - 1;
        Weight table = weights.Require("attention.self.relative_position_bias_table", span * span, heads);
        Weight unrolled = new(table.Name, [1, heads, layout.Area, layout.Area], () =>
        {
            float[] learnt = table.Load();
            float[] bias = new float[heads * index.Length];
            for (int i = 0; i < bias.Length; i++)
            {
                bias[i] = learnt[(index[i % index.Length] * heads) + (i / index.Length)];
            }

            return bias;
        });
        Value relative = _graph.Weight($"{Linear.InitializerPath(name)}.relative_position_bias", unrolled);
        if (layout.Shift == 0)
        {
            return relative;
        }

        Value masked = _graph.Add($"{name}/masked_bias", relative, Mask(stage, layout));
        long[] shape = [layout.Count, heads, layout.Area, layout.Area];
        Value ofAll = _graph.Op("Expand", $"{name}/bias_of_batch", [_graph.Unsqueeze($"{name}/Unsqueeze", masked, 0), _graph.Concat($"{name}/bias_shape", 0, _batch, _graph.Int64s(shape))]);
        return _graph.Reshape($"{name}/bias", ofAll, -1, heads, layout.Area, layout.Area);
    }

    private Value Merge(int stage, int rows, int columns, long width, WeightMap weights, Value x)
    {
        string name = $"/layers.{stage}/downsample";
        Value order = Table($"layers.{stage}.merging_order", () => WindowLayout.MergingOrder(rows, columns));
        Value four = _graph.Reshape($"{name}/Reshape", _graph.Gather($"{name}/Gather", x, order, 1), -1, rows * columns / 4, 4 * width);
        Value normalized = Norm($"{name}/norm", weights, "norm", four, 4 * width, LayerNorm.TorchEpsilon);
        return Linear.Emit(_graph, $"{name}/reduction", normalized, weights.Require("reduction.weight", 2 * width, 4 * width));
    }

    private Value Norm(string name, WeightMap weights, string part, Value x, long width, float epsilon)
        => LayerNorm.Emit(_graph, name, x, weights.Require($"{part}.weight", width), weights.Require($"{part}.bias", width), epsilon);

    private Value Order(int stage, WindowLayout layout, bool back)
        => Table($"layers.{stage}.{(layout.Shift > 0 ? "shifted_" : "")}{(back ? "picture" : "window")}_order", () => back ? WindowLayout.Inverse(layout.Order()) : layout.Order());

    private Value Mask(int stage, WindowLayout layout)
    {
        string name = $"layers.{stage}.shifted_mask";
        if (!_tables.TryGetValue(name, out Value value))
        {
            value = _graph.Weight(name, new Weight(name, [layout.Count, 1, layout.Area, layout.Area], layout.Mask));
            _tables.Add(name, value);
        }

        return value;
    }

    private Value Table(string name, Func<long[]> make)
    {
        if (!_tables.TryGetValue(name, out Value value))
        {
            value = _graph.Initializer(name, new Int64Initializer(make()));
            _tables.Add(name, value);
        }

        return value;
    }
}
