using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>What the MusicGen kinds share: greedy runs as `runs` lists them, waveforms, teacher-forced logits, rows of tensors.</summary>
internal static partial class MusicRuns
{
    /// <summary>A row of `runs`.</summary>
    public sealed record Run(JsonElement Json)
    {
        public string Name => Json.GetProperty("name").GetString()!;

        public double GuidanceScale => Json.GetProperty("guidance_scale").ValueKind == JsonValueKind.Null ? 1 : Json.GetProperty("guidance_scale").GetDouble();

        public int MaxNewTokens => Json.GetProperty("max_new_tokens").GetInt32();

        /// <summary>The expected tensor with the codes.</summary>
        public string Codes => Json.GetProperty("codes").GetString()!;

        /// <summary>The expected tensor with the waveform; null where it is not stored.</summary>
        public string? Audio => Text("audio");

        /// <summary>Indexes into `texts`.</summary>
        public int[] Texts => Json.TryGetProperty("texts", out JsonElement texts) ? [.. texts.EnumerateArray().Select(t => t.GetInt32())] : [];

        public string? Text(string key) => Json.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    public static Run[] Of(ParityCase c) => [.. c.Json.GetProperty("runs").EnumerateArray().Select(run => new Run(run))];

    /// <summary>The rows <paramref name="rows"/> of a [rows, …] tensor.</summary>
    public static T[] Rows<T>(T[] values, long[] shape, IReadOnlyList<int> rows)
    {
        int size = (int)(values.Length / shape[0]);
        return [.. rows.SelectMany(row => values.AsSpan(row * size, size).ToArray())];
    }

    /// <summary>T5 states of rows of the inputs `input_ids` and `attention_mask`.</summary>
    public static ConditioningRows Encode(MusicBundle bundle, ParityCase c, IReadOnlyList<int> rows, CancellationToken cancellationToken) =>
        Encode(bundle, c, "input_ids", "attention_mask", rows, cancellationToken);

    public static ConditioningRows Encode(MusicBundle bundle, ParityCase c, string ids, string mask, IReadOnlyList<int> rows, CancellationToken cancellationToken)
    {
        long[] shape = c.Inputs.Shape(ids);
        return bundle.Decoder.Text.Encode(Rows(c.Inputs.Int64(ids), shape, rows), Rows(c.Inputs.Int64(mask), shape, rows), rows.Count, cancellationToken);
    }

    /// <summary>All rows of a tensor.</summary>
    public static int[] All(long[] shape) => [.. Enumerable.Range(0, (int)shape[0])];

    /// <summary>Greedy codes of a run, compared, and its waveform where it is stored.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="report">Receives the lines.</param>
    /// <param name="c">The case.</param>
    /// <param name="run">The run.</param>
    /// <param name="rows">What each piece listens to.</param>
    /// <param name="chroma">Melody models: their chroma.</param>
    /// <param name="prompt">Codes of audio prompts, [pieces × codebooks, frames].</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>The codes.</returns>
    public static CodeFrames Compare(MusicBundle bundle, ParityReport report, ParityCase c, Run run, ConditioningRows rows, float[]? chroma, CodeFrames? prompt, CancellationToken cancellationToken)
    {
        MusicGenConfig config = bundle.Config;
        int prefix = config.Chroma is { } melody ? melody.ChromaLength + rows.Length : 0;
        MusicOptions options = new() { MaxNewTokens = run.MaxNewTokens, GuidanceScale = run.GuidanceScale, Sample = false };
        MusicGenPlan plan = MusicGenPlan.Create(config, options, Fidelity.Reference, prompt?.Count ?? 0, prefix);
        CodeFrames frames = new(rows.Batch * config.Codebooks, plan.FrameCount);
        for (int row = 0; row < prompt?.Rows; row++)
        {
            prompt.Row(row, 0, prompt.Count).CopyTo(frames.Row(row, 0, prompt.Count));
        }

        bundle.Decoder.FillCodes(frames, plan, rows, chroma, run.GuidanceScale, CodeChooser.Greedy(config.Codebooks, frames.Rows), null, cancellationToken);
        bool isExpected = report.CompareChosen(run.Codes, frames.ToArray(), [rows.Batch, config.Codebooks, frames.Count]);
        if (run.Audio is { } audio && !isExpected && c.Options.Precision == Precision.Float16)
        {
            report.Skip(audio, "float16 chose other codes");
        }
        else if (run.Audio is not null)
        {
            CompareAudio(bundle, report, c, run.Audio, frames, cancellationToken);
        }

        return frames;
    }

    /// <summary>Decodes codes and compares as many pieces as the expected tensor has; also as a stream, in pieces that end anywhere.</summary>
    public static float[] CompareAudio(MusicBundle bundle, ParityReport report, ParityCase c, string tensor, CodeFrames frames, CancellationToken cancellationToken)
    {
        int channels = bundle.Config.Channels;
        float[] audio = bundle.Decoder.Codec.Decode(frames, channels, cancellationToken);
        int pieces = (int)Math.Min(c.Expected.Shape(tensor)[0], frames.Rows / bundle.Config.Codebooks);
        int samples = frames.Count * bundle.Config.Codec.SamplesPerFrame;
        report.Compare(tensor, audio.AsSpan(0, pieces * channels * samples), [pieces, channels, samples]);
        CompareStreamed(bundle, report, c, tensor, frames, channels, audio, cancellationToken);
        return audio;
    }

    /// <summary>The issue's promise: streamed samples are the offline ones within 1e-4. In float16 a sum's last bit may round a value to its neighbour, which is 1e-3 of it.</summary>
    public static void CompareStreamed(MusicBundle bundle, ParityReport report, ParityCase c, string tensor, CodeFrames frames, int channels, float[] offline, CancellationToken cancellationToken)
    {
        using EncodecStream stream = bundle.Decoder.Codec.Begin(frames, channels);
        int samples = offline.Length / stream.Planes;
        double worst = 0;
        int done = 0;
        for (int available = 1; available <= frames.Count; available = Math.Min(available + 1 + (available % 7), frames.Count))
        {
            bool complete = available == frames.Count;
            while (stream.Next(available, complete, bundle.Decoder.Codec.MaxFramesPerCall, cancellationToken) is { } piece)
            {
                int count = piece.Length / stream.Planes;
                for (int i = 0; i < piece.Length; i++)
                {
                    worst = Math.Max(worst, Math.Abs((double)piece[i] - offline[(i / count * samples) + done + (i % count)]));
                }

                done += count;
            }

            if (complete)
            {
                break;
            }
        }

        report.Check($"{tensor} (streamed)", done == samples && worst <= (c.Options.Precision == Precision.Float16 ? 1e-3 : 1e-4), $"{done} of {samples} samples, largest difference from the decoding at once {worst:g3}");
    }

    /// <summary>Logits at every position of given codes, step by step over the cache.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="condition">What the pieces listen to.</param>
    /// <param name="ids">[pieces × codebooks, length].</param>
    /// <param name="length">Codes a row.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>[rows × codebooks, length, vocabulary]; unconditional rows last.</returns>
    public static float[] TeacherForced(MusicBundle bundle, MusicGenCondition condition, long[] ids, int length, CancellationToken cancellationToken)
    {
        int vocabulary = bundle.Config.VocabularySize;
        int idRows = ids.Length / length;
        using MusicGenSequence sequence = bundle.Decoder.CreateSequence(condition, length);
        int rows = sequence.Rows * bundle.Config.Codebooks;
        float[] logits = new float[rows * length * vocabulary];
        long[] column = new long[idRows];
        for (int t = 0; t < length; t++)
        {
            for (int row = 0; row < idRows; row++)
            {
                column[row] = ids[(row * length) + t];
            }

            ReadOnlySpan<float> step = t == 0 ? sequence.Begin(column, 1, cancellationToken) : sequence.Step(column, cancellationToken);
            for (int row = 0; row < rows; row++)
            {
                step.Slice(row * vocabulary, vocabulary).CopyTo(logits.AsSpan(((row * length) + t) * vocabulary));
            }
        }

        return logits;
    }

    /// <summary>The last <paramref name="positions"/> of [rows, length, width].</summary>
    public static float[] LastPositions(float[] values, int rows, int length, int positions)
    {
        int width = values.Length / rows / length;
        float[] last = new float[rows * positions * width];
        for (int row = 0; row < rows; row++)
        {
            values.AsSpan(((row * length) + length - positions) * width, positions * width).CopyTo(last.AsSpan(row * positions * width));
        }

        return last;
    }

    /// <summary>Takes over a tapped float tensor.</summary>
    public static (float[] Values, long[] Shape) Take(NativeTensor tensor)
    {
        using (tensor)
        {
            float[] values = tensor.Kind == TensorElementKind.Float16
                ? Array.ConvertAll(tensor.AsSpan<Half>().ToArray(), half => (float)half)
                : tensor.AsSpan<float>().ToArray();
            return (values, tensor.Shape.ToArray());
        }
    }

    /// <summary>A tensor of numbers in the type that a graph's input has.</summary>
    public static NativeTensor Of(IOnnxModel model, string input, float[] values, ReadOnlySpan<long> shape)
        => model.KindOfInput(input) == TensorElementKind.Float16
            ? NativeTensor.Of<Half>(Array.ConvertAll(values, value => (Half)value), shape)
            : NativeTensor.Of<float>(values, shape);

    /// <summary>What stands behind "text " in the description of an expected tensor, such as "text 1: hidden_states[i]".</summary>
    public static int TextNamedIn(ParityCase c, string tensor)
    {
        string description = c.Json.GetProperty("tensors").GetProperty("expected").TryGetProperty(tensor, out JsonElement text) ? text.GetString() ?? "" : "";
        Match match = TextPattern().Match(description);
        return match.Success
            ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)
            : throw new ParityException($"case.json does not say which text '{tensor}' is of: '{description}'.");
    }

    [GeneratedRegex(@"\btext (\d+)")]
    private static partial Regex TextPattern();
}
