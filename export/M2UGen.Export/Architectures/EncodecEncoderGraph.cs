using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>EnCodec's encoder and quantiser: sound to codes. Component <c>encodec-encoder</c>.</summary>
/// <remarks>
/// <code>
/// audio [B,1,n] ── Conv ── for every ratio, backwards ( residual blocks ── Elu ── Conv, stride ratio ) ── LSTM + bypass ── Elu ── Conv ── embeddings [B,D,T]
/// embeddings ── K times ( nearest vector of the codebook: its index is the code ── take it away ) ── codes [B,K,T]
/// </code>
/// Any n from 1 on; T = ceil(n / samples per frame). Sources: arXiv:2210.13438; transformers modeling_encodec.py, EncodecEncoder and EncodecResidualVectorQuantizer.
/// </remarks>
internal static class EncodecEncoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "encodec-encoder";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="codebooks">Codebooks in use: the first ones of the quantiser.</param>
    /// <param name="weights">The codec's tensors: <c>encoder.layers.0.…</c>, <c>quantizer.layers.0.codebook.embed</c>.</param>
    /// <param name="options">Taps: <c>encoder/layer{i}</c>, <c>embeddings</c> [B,D,T], <c>quantizer/distances</c> [K,B,T,V] (negative squared), <c>quantizer/residual</c> [B,D,T].</param>
    public static BundlePart Create(EncodecConfig config, int codebooks, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        EncodecLayers layers = new(graph, config, weights.Under("encoder."), "/encoder");
        Value x = graph.Input("audio", DataType.Float, "batch", config.Channels, "samples");
        int channels = config.Filters;

        // One sample is a clip too, so every padding must stand a length of one.
        const long Shortest = 1;
        x = layers.Conv("layers.0", x, config.Channels, channels, layers.Shape(config.KernelSize), Shortest);
        Tap(0, x);
        int index = 1;
        foreach (int ratio in config.Ratios.Reverse())
        {
            for (int j = 0; j < config.ResidualLayers; j++)
            {
                x = layers.Residual($"layers.{index}", x, channels, EncodecStreaming.Dilation(config, j), Shortest);
                Tap(index++, x);
            }

            x = layers.Elu($"layers.{index++}", x);
            x = layers.Conv($"layers.{index}", x, channels, channels * 2, layers.Shape(2 * ratio, ratio), Shortest);
            channels *= 2;
            Tap(index++, x);
        }

        (Value y, _, _) = layers.RunLstm($"layers.{index}", graph.Transpose($"/encoder/layers.{index}/turn", x, 2, 0, 1));
        x = graph.Transpose($"/encoder/layers.{index}/turn_back", y, 1, 2, 0);
        Tap(index++, x);
        x = layers.Elu($"layers.{index++}", x);
        x = layers.Conv($"layers.{index}", x, channels, config.HiddenSize, layers.Shape(config.LastKernelSize), Shortest);
        channels = config.HiddenSize;
        Tap(index, x);
        graph.Tap("embeddings", x, DataType.Float, "batch", channels, "frames");
        EmitQuantizer(graph, config, codebooks, weights, x);
        return new BundlePart(Component, graph, new JsonObject
        {
            ["codebooks"] = codebooks,
            ["codebook_size"] = config.CodebookSize,
            ["sample_rate"] = config.SampleRate,
            ["channels"] = config.Channels,
            ["samples_per_frame"] = config.SamplesPerFrame,
            ["frame_rate"] = config.FrameRate,
        });

        void Tap(int layer, Value value) => graph.Tap($"encoder/layer{layer}", value, DataType.Float, "batch", channels, $"samples_{layer}");
    }

    /// <summary>Residual vector quantisation.</summary>
    /// <remarks>
    /// <code>
    /// r [B,T,D] ── -(|r|² - 2 r·e + |e|²) ── first maximum ── code k
    ///  └─────────── - e[code k] ── r of the next codebook
    /// </code>
    /// The distance keeps the reference's order of operations: |r - e|² would round ties apart. Codebooks stay in float32 at every precision.
    /// </remarks>
    private static void EmitQuantizer(GraphBuilder graph, EncodecConfig config, int codebooks, WeightMap weights, Value embeddings)
    {
        using IDisposable float32 = graph.KeepFloat32();
        Value residual = graph.Transpose("/quantizer/Transpose", embeddings, 0, 2, 1);
        Value[] codes = new Value[codebooks];
        Value[] distances = new Value[codebooks];
        for (int k = 0; k < codebooks; k++)
        {
            string name = $"/quantizer/layers.{k}";
            string path = $"quantizer.layers.{k}.codebook";
            Weight table = Weight.From(weights.Get($"{path}.embed", config.CodebookSize, config.HiddenSize));
            Value lengths = graph.Op("ReduceSum", $"{name}/ReduceSum", [graph.Mul($"{name}/square", residual, residual), graph.Int64s(-1)], ("keepdims", 1));
            Value twice = graph.Mul($"{name}/twice", residual, graph.FloatScalar(2));
            Value products = graph.MatMul($"{name}/MatMul", twice, graph.Weight($"{path}.transposed", table.Transposed()));
            Value difference = graph.Sub($"{name}/Sub", lengths, products);
            Value squared = graph.Add($"{name}/Add", difference, graph.Weight($"{path}.lengths", SquaredLengths(table)));
            Value negative = graph.Op("Neg", $"{name}/Neg", [squared]);
            Value code = graph.Op("ArgMax", $"{name}/ArgMax", [negative], ("axis", -1), ("keepdims", 0), ("select_last_index", 0));
            Value picked = graph.Gather($"{name}/Gather", graph.Weight($"{path}.embed", table), code, axis: 0);
            residual = graph.Sub($"{name}/residual", residual, picked);
            codes[k] = graph.Unsqueeze($"{name}/code", code, 1);
            distances[k] = negative;
        }

        graph.Output("codes", graph.Concat("/quantizer/codes", 1, codes), DataType.Int64, "batch", codebooks, "frames");
        if (graph.Options.IsTapped("quantizer/distances"))
        {
            Value[] stages = [.. distances.Select((stage, k) => graph.Unsqueeze($"/quantizer/layers.{k}/distances", stage, 0))];
            graph.Tap("quantizer/distances", graph.Concat("/quantizer/distances", 0, stages), DataType.Float, codebooks, "batch", "frames", config.CodebookSize);
        }

        if (graph.Options.IsTapped("quantizer/residual"))
        {
            graph.Tap("quantizer/residual", graph.Transpose("/quantizer/left", residual, 0, 2, 1), DataType.Float, "batch", config.HiddenSize, "frames");
        }
    }

    /// <summary>|e|² of every vector, [V].</summary>
    private static Weight SquaredLengths(Weight table) => new($"{table.Name} squared lengths", [table.Shape[0]], () =>
    {
        float[] vectors = table.Load();
        int width = (int)table.Shape[1];
        float[] lengths = new float[table.Shape[0]];
        for (int i = 0; i < lengths.Length; i++)
        {
            // In double and one by one: a vectorised sum would round otherwise on another processor, and bundles would differ.
            double sum = 0;
            foreach (float element in vectors.AsSpan(i * width, width))
            {
                sum += (double)element * element;
            }

            lengths[i] = (float)sum;
        }

        return lengths;
    });
}
