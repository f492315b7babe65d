using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-small: captions to greedy codes and waveforms; teacher-forced logits; the stages inside.</summary>
internal sealed class MusicGenSmallKind : IParityKind
{
    private const string GuidedPrefix = "logits/guided_";

    public bool Handles(string kind) => kind == "musicgen-small";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        foreach (MusicRuns.Run run in MusicRuns.Of(c))
        {
            ConditioningRows rows = MusicRuns.Encode(bundle, c, run.Texts, cancellationToken);
            MusicRuns.Compare(bundle, report, c, run, rows, null, null, cancellationToken);
        }

        CompareLogits(bundle, c, report, cancellationToken);
        using MusicBundle tapped = MusicBundle.OpenTapped(c);
        CompareStages(tapped, c, report, cancellationToken);
    }

    private static (long[] Ids, int Length, int[] Texts) Forced(ParityCase c)
    {
        JsonElement forcing = c.Json.GetProperty("teacher_forcing");
        string name = forcing.GetProperty("decoder_input_ids").GetString()!;
        return (c.Inputs.Int64(name), (int)c.Inputs.Shape(name)[^1], [.. forcing.GetProperty("texts").EnumerateArray().Select(t => t.GetInt32())]);
    }

    private static void CompareLogits(MusicBundle bundle, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        (long[] ids, int length, int[] texts) = Forced(c);
        ConditioningRows rows = MusicRuns.Encode(bundle, c, texts, cancellationToken);
        using MusicGenCondition condition = bundle.Decoder.CreateCondition(rows, default, guided: true, cancellationToken);
        float[] logits = MusicRuns.TeacherForced(bundle, condition, ids, length, cancellationToken);
        int half = logits.Length / 2;
        int count = ids.Length / length;
        long[] shape = [count, length, bundle.Config.VocabularySize];
        report.Compare("logits/conditional", logits.AsSpan(0, half), shape);
        report.Compare("logits/unconditional", logits.AsSpan(half), shape);
        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith(GuidedPrefix, StringComparison.Ordinal)))
        {
            float scale = float.Parse(tensor[GuidedPrefix.Length..], CultureInfo.InvariantCulture);
            float[] guided = new float[half];
            ClassifierFreeGuidance.Apply(logits.AsSpan(0, half), logits.AsSpan(half), scale, guided);
            int positions = (int)Math.Min(length, c.Expected.Shape(tensor)[1]);
            report.Compare(tensor, MusicRuns.LastPositions(guided, count, length, positions), [count, positions, bundle.Config.VocabularySize]);
        }
    }

    private static void CompareStages(MusicBundle tapped, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        int[] all = MusicRuns.All(c.Inputs.Shape("input_ids"));
        ConditioningRows rows = MusicRuns.Encode(tapped, c, all, cancellationToken);
        using (ConditionTaps taps = new(tapped, rows))
        {
            (float[] values, long[] shape) = taps.Take("projected_masked", cancellationToken);
            report.Compare("projected_masked", values, shape);
        }

        (long[] ids, int length, int[] texts) = Forced(c);
        string[] layers = [.. c.Expected.Names.Where(name => name.StartsWith("decoder/layer", StringComparison.Ordinal))];
        int codebooks = tapped.Config.Codebooks;
        foreach (IGrouping<int, string> group in layers.GroupBy(layer => MusicRuns.TextNamedIn(c, layer)))
        {
            // "text 0" is a text of the case; its codes are at its place among the forced ones.
            int place = Array.IndexOf(texts, group.Key);
            long[] own = [.. ids.Skip(place * codebooks * length).Take(codebooks * length)];
            using MusicGenCondition condition = tapped.Decoder.CreateCondition(MusicRuns.Encode(tapped, c, [group.Key], cancellationToken), default, guided: false, cancellationToken);
            float[][] states = DecoderTaps.Run(tapped, condition, own, length, 0, [.. group], cancellationToken);
            foreach ((string layer, float[] values) in group.Zip(states))
            {
                report.Compare(layer, values, [length, tapped.Config.HiddenSize]);
            }
        }

        ComparePositions(tapped, c, report, texts, cancellationToken);
    }

    /// <summary>Rows of the stored table: the first ones, and the last ones.</summary>
    private static void ComparePositions(MusicBundle tapped, ParityCase c, ParityReport report, int[] texts, CancellationToken cancellationToken)
    {
        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith("positions", StringComparison.Ordinal)))
        {
            int count = (int)c.Expected.Shape(tensor)[0];
            int first = tensor.EndsWith("tail", StringComparison.Ordinal) ? tapped.Config.MaxPositions - count : 0;
            long[] ids = new long[tapped.Config.Codebooks * count];
            ids.AsSpan().Fill(tapped.Config.PadTokenId);
            using MusicGenCondition condition = tapped.Decoder.CreateCondition(MusicRuns.Encode(tapped, c, [texts[0]], cancellationToken), default, guided: false, cancellationToken);
            report.Compare(tensor, DecoderTaps.Run(tapped, condition, ids, count, first, ["positions"], cancellationToken)[0], [count, tapped.Config.HiddenSize]);
        }
    }
}
