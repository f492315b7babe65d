using System.Text.Json.Nodes;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>M2UGen's understanding adapter and what the language model's layers make of its output: a medium's feature to its rows of the prefix. Components <c>prefix-audio</c>, <c>prefix-image</c>, <c>prefix-video</c>.</summary>
/// <remarks>
/// <code>
/// feature [1,H] ── proj ── 3 × ( x ── RMSNorm ── SwiGlu ── + x ) ── adapter [1,dim] ─┬─ M of layer 0 ─┐
///                                                                                    ├─ M of layer 1 ─┼─ Concat [P/3,dim] ── + rows of prefix-text ── prefix [P/3,dim]
///                                                                                    └─ …            ─┘
/// M = (Wo + LoRA_o) diag(tanh(gate)) Wv
/// </code>
/// A layer's prefix vector is p = prefix_query row + adapter, and its contribution M p does not depend on the text (spec §4b); M applied to prefix_query is the constant that
/// requests of text alone send (<see cref="PrefixContribution"/>). The two matrices of a layer are folded into one, which halves that part of the graph: it runs once a request, so
/// its cost is the reading of its weights. Features come in at length one, as C# leaves them.
/// Sources: arXiv:2311.11255; reference m2ugen.py, forward_audio, forward_image, forward_video, and llama.py, Attention.forward.
/// </remarks>
internal static class UnderstandingAdapterGraph
{
    private const int Blocks = 3;
    private const float Epsilon = 1e-6f;

    /// <summary>Describes the graph. What is missing is noted in <paramref name="weights"/>.</summary>
    /// <param name="medium">Whose adapter.</param>
    /// <param name="width">H: values of the encoder's feature.</param>
    /// <param name="weights">The checkpoint's tensors.</param>
    /// <param name="llama">The language model.</param>
    /// <param name="textRows">[P, dim]: the rows of a request without media.</param>
    /// <param name="options">Taps: <c>adapter</c> [1, dim], <c>prefix_vectors</c> [P/3, dim].</param>
    public static BundlePart Create(Medium medium, int width, WeightMap weights, LlamaWeights llama, Weight textRows, GraphOptions? options = null)
    {
        GraphBuilder graph = new(medium.PrefixComponent, options);
        int dim = llama.Parameters.Dim;
        (int first, int count) = medium.LayersOf(llama);
        string path = medium.AdapterTensors;
        Value feature = graph.Input("feature", DataType.Float, 1, width);
        Value x = Linear.Emit(graph, $"/{path}_proj", feature, weights.Require($"{path}_proj.weight", dim, width), weights.Require($"{path}_proj.bias", dim));
        for (int i = 1; i <= Blocks; i++)
        {
            // As wide as the model in the reference; missing, it is listed with that width.
            long hidden = weights.RowsOf($"{path}_f1_{i}.weight") is > 0 and var found ? found : dim;
            Value normalized = RmsNorm.Emit(graph, $"/{path}_norm_{i}", x, weights.Require($"{path}_norm_{i}.weight", dim), Epsilon);
            Value fed = SwiGlu.Emit(graph, $"/{path}_f_{i}", normalized, Layer("f1", i, hidden, dim), Layer("f3", i, hidden, dim), Layer("f2", i, dim, hidden));
            x = graph.Add($"/{path}_f_{i}/Add", x, fed);
        }

        graph.Tap("adapter", x, DataType.Float, 1, dim);
        TapVectors(graph, medium, x, llama, count, dim);
        Value[] rows = new Value[count];
        for (int i = 0; i < count; i++)
        {
            rows[i] = Linear.Emit(graph, $"/layers.{first + i}/attention/prefix", x, GatedPrefix.Matrix(llama.Layers[first + i].Prefix!, llama.Heads));
        }

        Value constant = graph.Weight(PrefixContribution.TensorName, textRows.Rows(medium.Index * count, count));
        graph.Output("prefix", graph.Add("/prefix/Add", graph.Concat("/prefix/Concat", 0, rows), constant), DataType.Float, count, dim);
        return new BundlePart(medium.PrefixComponent, graph, new JsonObject
        {
            ["medium"] = medium.Name,
            ["first_layer"] = first,
            ["layers"] = count,
        });

        LinearWeights Layer(string name, int block, long output, long input) => new(weights.Require($"{path}_{name}_{block}.weight", output, input));
    }

    /// <summary>p of each layer, which the graph itself has no need of.</summary>
    private static void TapVectors(GraphBuilder graph, Medium medium, Value adapter, LlamaWeights llama, int count, int dim)
    {
        const string Name = "prefix_vectors";
        if (graph.Options.IsTapped(Name))
        {
            Value query = graph.Weight("prefix_query.weight", llama.PrefixQuery!.Rows(medium.Index * count, count));
            graph.Tap(Name, graph.Add("/prefix_vectors/Add", query, adapter), DataType.Float, count, dim);
        }
    }
}
