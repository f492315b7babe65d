using System.Text.Json;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-encodec: codes to sound and sound to codes, the layers inside, and the padding rule.</summary>
internal sealed class MusicGenEncodecKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-encodec";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        foreach (string input in c.Inputs.Names)
        {
            string name = input[(input.IndexOf('/', StringComparison.Ordinal) + 1)..];
            if (input.StartsWith("codes/", StringComparison.Ordinal) && c.Expected.Has($"audio/{name}"))
            {
                Decode(bundle, c, report, input, $"audio/{name}", cancellationToken);
            }
            else if (input.StartsWith("wave/", StringComparison.Ordinal) && c.Expected.Has($"encoded/{name}"))
            {
                Encode(bundle, c, report, input, $"encoded/{name}", cancellationToken);
            }
        }

        using MusicBundle tapped = MusicBundle.OpenTapped(c);
        CompareDecoderStages(tapped, c, report, cancellationToken);
        CompareEncoderStages(tapped, c, report, cancellationToken);
        ComparePadding(c, report, cancellationToken);
    }

    private static void Decode(MusicBundle bundle, ParityCase c, ParityReport report, string input, string expected, CancellationToken cancellationToken)
    {
        (CodeFrames codes, int batch) = Codes(c, input);

        // One channel a piece here, whatever the model above the codec does with it.
        float[] audio = bundle.Decoder.Codec.Decode(codes, channels: 1, cancellationToken);
        report.Compare(expected, audio, [batch, 1, audio.Length / batch]);
        MusicRuns.CompareStreamed(bundle, report, c, expected, codes, 1, audio, cancellationToken);
    }

    private static void Encode(MusicBundle bundle, ParityCase c, ParityReport report, string input, string expected, CancellationToken cancellationToken)
    {
        long[] shape = c.Inputs.Shape(input);
        CodeFrames codes = bundle.Decoder.Encoder!.Encode(c.Inputs.Float(input), channels: 1, (int)shape[^1], cancellationToken);
        report.CompareExact(expected, codes.ToArray(), [1, shape[0], bundle.Config.Codec.Codebooks, codes.Count]);
    }

    /// <summary>[1, batch, codebooks, frames].</summary>
    private static (CodeFrames Codes, int Batch) Codes(ParityCase c, string input)
    {
        long[] shape = c.Inputs.Shape(input);
        return (CodeFrames.From(c.Inputs.Int64(input), (int)(shape[1] * shape[2])), (int)shape[1]);
    }

    /// <summary>The input that `stage_inputs` names for a stage.</summary>
    private static string InputOf(ParityCase c, string stage)
    {
        foreach (JsonProperty row in c.Json.GetProperty("stage_inputs").EnumerateObject())
        {
            if (Wildcard.Matches(row.Name, stage))
            {
                return row.Value.GetString()!;
            }
        }

        throw new ParityException($"stage_inputs of case.json names no input for '{stage}'.");
    }

    private static void CompareDecoderStages(MusicBundle tapped, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (IGrouping<string, string> group in Stages(c, "decoder/").GroupBy(stage => InputOf(c, stage)))
        {
            long[] shape = c.Inputs.Shape(group.Key);
            EncodecConfig config = tapped.Config.Codec;
            Dictionary<string, NativeTensor> inputs = new()
            {
                ["codes"] = NativeTensor.Of<long>(c.Inputs.Int64(group.Key), shape[1], shape[2], shape[3]),
                ["lstm_h"] = NativeTensor.Allocate<float>(config.LstmLayers, shape[1], config.LstmSize),
                ["lstm_c"] = NativeTensor.Allocate<float>(config.LstmLayers, shape[1], config.LstmSize),
                ["context"] = NativeTensor.Allocate<float>(shape[1], config.LstmSize, 0),
                ["drop_left"] = NativeTensor.Allocate<long>(1),
                ["drop_right"] = NativeTensor.Allocate<long>(1),
            };
            CompareTaps(tapped, EncodecConfig.DecoderComponent, inputs, [.. group], c, report, cancellationToken);
        }
    }

    private static void CompareEncoderStages(MusicBundle tapped, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (IGrouping<string, string> group in Stages(c, "encoder/", "quantizer/").GroupBy(stage => InputOf(c, stage)))
        {
            CompareTaps(tapped, EncodecConfig.EncoderComponent, Wave(c, group.Key), [.. group], c, report, cancellationToken);
        }

        foreach (string stage in Stages(c, "embeddings/"))
        {
            (float[] values, long[] shape) = MusicRuns.Take(RunEncoder(tapped, c, "wave" + stage["embeddings".Length..], "embeddings", cancellationToken));
            report.Compare(stage, values, shape);
        }

        foreach (string stage in Stages(c, "strided_frames/"))
        {
            CompareStrides(tapped, c, report, stage, cancellationToken);
        }
    }

    /// <summary>Lengths behind the strided convolutions: of every group of layers (residual blocks, then one that strides) the last one's.</summary>
    private static void CompareStrides(MusicBundle tapped, ParityCase c, ParityReport report, string stage, CancellationToken cancellationToken)
    {
        string[] layers = [.. tapped.Bundle.Component(EncodecConfig.EncoderComponent).Outputs.Select(o => o.Name).Where(n => n.StartsWith("encoder/layer", StringComparison.Ordinal))];
        int strides = (int)c.Expected.Shape(stage)[0];

        // The first convolution, the groups, the LSTM, the last convolution.
        int group = (layers.Length - 3) / strides;
        long[] lengths = new long[strides];
        for (int i = 0; i < strides; i++)
        {
            using NativeTensor output = RunEncoder(tapped, c, "wave" + stage["strided_frames".Length..], layers[(i + 1) * group], cancellationToken);
            lengths[i] = output.Shape[^1];
        }

        report.CompareExact(stage, lengths, [strides]);
    }

    private static NativeTensor RunEncoder(MusicBundle tapped, ParityCase c, string wave, string tap, CancellationToken cancellationToken)
    {
        Dictionary<string, NativeTensor> inputs = Wave(c, wave);
        try
        {
            return tapped.Run(EncodecConfig.EncoderComponent, inputs, [tap], cancellationToken)[0];
        }
        finally
        {
            inputs["audio"].Dispose();
        }
    }

    private static Dictionary<string, NativeTensor> Wave(ParityCase c, string wave)
    {
        long[] shape = c.Inputs.Shape(wave);
        return new Dictionary<string, NativeTensor> { ["audio"] = NativeTensor.Of<float>(c.Inputs.Float(wave), shape) };
    }

    private static void CompareTaps(MusicBundle tapped, string component, Dictionary<string, NativeTensor> inputs, string[] stages, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        NativeTensor[] outputs = tapped.Run(component, inputs, stages, cancellationToken);
        foreach ((string stage, NativeTensor output) in stages.Zip(outputs))
        {
            (float[] values, long[] shape) = MusicRuns.Take(output);
            (values, shape) = stage == "quantizer/distances" ? FirstFrames(values, shape, c.Expected.Shape(stage)) : Ends(values, shape, c.Expected.Shape(stage));
            report.Compare(stage, values, shape);
        }

        foreach (NativeTensor input in inputs.Values)
        {
            input.Dispose();
        }
    }

    /// <summary>Of [codebooks, batch, frames, codes] the first frames of the first piece.</summary>
    private static (float[] Values, long[] Shape) FirstFrames(float[] values, long[] shape, long[] expected)
    {
        long frames = Math.Min(expected[1], shape[2]);
        List<float> kept = [];
        for (long codebook = 0; codebook < shape[0]; codebook++)
        {
            kept.AddRange(values.AsSpan((int)(codebook * shape[1] * shape[2] * shape[3]), (int)(frames * shape[3])));
        }

        return ([.. kept], [shape[0], frames, shape[3]]);
    }

    /// <summary>Long stages are stored by their first and their last columns.</summary>
    private static (float[] Values, long[] Shape) Ends(float[] values, long[] shape, long[] expected)
    {
        int columns = (int)shape[^1];
        int wanted = (int)expected[^1];
        if (wanted >= columns)
        {
            return (values, shape);
        }

        int first = wanted / 2;
        List<float> kept = [];
        for (int start = 0; start < values.Length; start += columns)
        {
            kept.AddRange(values.AsSpan(start, first));
            kept.AddRange(values.AsSpan(start + columns - (wanted - first), wanted - first));
        }

        return ([.. kept], [.. shape[..^1], wanted]);
    }

    /// <summary>The exporter's padding block alone, as a graph of its own.</summary>
    private static void ComparePadding(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string stage in Stages(c, "pad/"))
        {
            int[] sides = [.. stage["pad/".Length..].Split('_').Select(side => int.Parse(side, System.Globalization.CultureInfo.InvariantCulture))];
            float[] wave = c.Inputs.Float("pad/x");
            GraphBuilder graph = new("pad");
            Value x = graph.Input("x", TensorElementKind.Float, 1, 1, "samples");
            graph.Output("y", Pad1d.Emit(graph, "/pad", x, sides[0], sides[1], "reflect", shortest: 1), TensorElementKind.Float, 1, 1, "padded");
            string folder = c.Exports.Scratch("pad");
            using OnnxModel model = GraphRun.Load(graph, folder);
            using IModelRun run = model.CreateRun();
            using NativeTensor input = NativeTensor.Of<float>(wave, 1, 1, wave.Length);
            run.BindInput("x", input);
            run.BindOutputToAllocated("y");
            run.Run(cancellationToken);
            (float[] values, long[] shape) = MusicRuns.Take(run.TakeOutput("y"));
            report.Compare(stage, values, shape);
        }
    }

    private static IEnumerable<string> Stages(ParityCase c, params string[] prefixes) =>
        c.Expected.Names.Where(name => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
}
