using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>EnCodec's decoder: codes to sound, whole or piece by piece. Component <c>encodec-decoder</c>.</summary>
/// <remarks>
/// <code>
/// codes [B,K,T] ── sum of the codebooks' vectors ── Conv ── drop frames without true neighbours ── LSTM + bypass ─┐
///                                                                          lstm_h, lstm_c in and out              │
/// context [B,D,C] (LSTM stage of the frames before) ───────────────────────────────────────────────── Concat ─────┤
///                                                                                                                 ├─ context_out
/// audio [B,1,(C+T-dropped)·n] ── Conv ── Elu ── for every ratio ( residual blocks ── ConvTranspose ── Elu ) ──────┘
/// </code>
/// Whole: zero states, C = 0, nothing dropped. Piece by piece: codes overlap by the first convolution's reach and the overlap is dropped;
/// the LSTM goes on from its states; C frames are decoded again for the reach of the upsampling stack (see <see cref="EncodecStreaming"/>).
/// Sources: arXiv:2210.13438; transformers modeling_encodec.py, EncodecDecoder.
/// </remarks>
internal static class EncodecDecoderGraph
{
    /// <summary>The component's name.</summary>
    public const string Component = "encodec-decoder";

    /// <summary>Describes the graph.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="codebooks">Codebooks in use: the first ones of the quantiser.</param>
    /// <param name="weights">The codec's tensors: <c>decoder.layers.0.…</c>, <c>quantizer.layers.0.codebook.embed</c>.</param>
    /// <param name="options">Taps: <c>decoder/quantized</c> [B,D,T] and <c>decoder/layer{i}</c>, i as the checkpoint counts (activations left out).</param>
    public static BundlePart Create(EncodecConfig config, int codebooks, WeightMap weights, GraphOptions? options = null)
    {
        GraphBuilder graph = new(Component, options);
        EncodecLayers layers = new(graph, config, weights.Under("decoder."), "/decoder");
        Value quantized = EmitQuantized(graph, config, codebooks, weights);
        graph.Tap("decoder/quantized", quantized, DataType.Float, "batch", config.HiddenSize, "frames");

        Value x = layers.Conv("layers.0", quantized, config.HiddenSize, config.LstmSize, layers.Shape(config.KernelSize), shortest: 1);
        graph.Tap("decoder/layer0", x, DataType.Float, "batch", config.LstmSize, "frames");
        x = EmitLstm(graph, config, layers, x);

        int index = 2;
        int channels = config.LstmSize;
        long shortest = 1;
        foreach (int ratio in config.Ratios)
        {
            x = layers.Elu($"layers.{index++}", x);
            x = layers.ConvTranspose($"layers.{index}", x, channels, channels / 2, ratio);
            channels /= 2;
            shortest *= ratio;
            Tap(index++, x);
            for (int j = 0; j < config.ResidualLayers; j++)
            {
                x = layers.Residual($"layers.{index}", x, channels, EncodecStreaming.Dilation(config, j), shortest);
                Tap(index++, x);
            }
        }

        // What is rounded here is heard: 11 bits are a noise floor of 66 dB.
        using IDisposable float32 = graph.KeepFloat32();
        x = layers.Elu($"layers.{index++}", x);
        x = layers.Conv($"layers.{index}", x, channels, config.Channels, layers.Shape(config.LastKernelSize), shortest);
        channels = config.Channels;
        Tap(index, x);
        graph.Output("audio", x, DataType.Float, "batch", config.Channels, "samples");
        return new BundlePart(Component, graph, Numbers(config, codebooks));

        void Tap(int layer, Value value) => graph.Tap($"decoder/layer{layer}", value, DataType.Float, "batch", channels, $"samples_{layer}");
    }

    /// <summary>The sum of the codebooks' vectors, [B, D, T].</summary>
    private static Value EmitQuantized(GraphBuilder graph, EncodecConfig config, int codebooks, WeightMap weights)
    {
        Value codes = graph.Input("codes", DataType.Int64, "batch", codebooks, "frames");
        Weight[] tables = new Weight[codebooks];
        long[] firstRows = new long[codebooks];
        for (int k = 0; k < codebooks; k++)
        {
            tables[k] = Weight.From(weights.Get($"quantizer.layers.{k}.codebook.embed", config.CodebookSize, config.HiddenSize));
            firstRows[k] = (long)k * config.CodebookSize;
        }

        Value table = graph.Weight("quantizer.codebooks", Weight.Stack("quantizer codebooks", tables));
        Value offsets = graph.Unsqueeze("/quantizer/offsets", graph.Int64s(firstRows), 1);
        Value vectors = graph.Gather("/quantizer/Gather", table, graph.Add("/quantizer/Add", codes, offsets), axis: 0);
        Value sum = graph.Op("ReduceSum", "/quantizer/ReduceSum", [vectors, graph.Int64s(1)], ("keepdims", 0));
        return graph.Transpose("/quantizer/Transpose", sum, 0, 2, 1);
    }

    /// <summary>Drops the frames without true neighbours, runs the LSTM on from its states, and puts the context in front.</summary>
    private static Value EmitLstm(GraphBuilder graph, EncodecConfig config, EncodecLayers layers, Value x)
    {
        const string Name = "/decoder/layers.1";
        long size = config.LstmSize;
        Value hidden = graph.Input("lstm_h", DataType.Float, config.LstmLayers, "batch", size);
        Value cell = graph.Input("lstm_c", DataType.Float, config.LstmLayers, "batch", size);
        Value context = graph.Input("context", DataType.Float, "batch", size, "context");
        Value dropLeft = graph.Input("drop_left", DataType.Int64, 1);
        Value dropRight = graph.Input("drop_right", DataType.Int64, 1);
        Value end = graph.Sub($"{Name}/end", graph.Dimension($"{Name}/frames", x, 2), dropRight);
        Value kept = graph.Slice($"{Name}/kept", x, dropLeft, end, axis: 2);
        (Value y, Value hiddenOut, Value cellOut) = layers.RunLstm("layers.1", graph.Transpose($"{Name}/turn", kept, 2, 0, 1), hidden, cell);
        Value stage = graph.Transpose($"{Name}/turn_back", y, 1, 2, 0);
        graph.Tap("decoder/layer1", stage, DataType.Float, "batch", size, "new_frames");
        Value all = graph.Concat("/context/Concat", 2, context, stage);
        graph.Output("lstm_h_out", hiddenOut, DataType.Float, config.LstmLayers, "batch", size);
        graph.Output("lstm_c_out", cellOut, DataType.Float, config.LstmLayers, "batch", size);
        graph.Output("context_out", all, DataType.Float, "batch", size, "all_frames");
        return all;
    }

    private static JsonObject Numbers(EncodecConfig config, int codebooks)
    {
        EncodecStreaming reach = EncodecStreaming.Of(config);
        return new JsonObject
        {
            ["codebooks"] = codebooks,
            ["codebook_size"] = config.CodebookSize,
            ["sample_rate"] = config.SampleRate,
            ["channels"] = config.Channels,
            ["samples_per_frame"] = config.SamplesPerFrame,
            ["frame_rate"] = config.FrameRate,
            ["lstm_layers"] = config.LstmLayers,
            ["lstm_size"] = config.LstmSize,
            ["conv_left_frames"] = reach.ConvLeftFrames,
            ["conv_right_frames"] = reach.ConvRightFrames,
            ["stack_left_frames"] = reach.StackLeftFrames,
            ["stack_right_frames"] = reach.StackRightFrames,
            ["stack_left_samples"] = reach.StackLeftSamples,
            ["stack_right_samples"] = reach.StackRightSamples,
        };
    }
}
