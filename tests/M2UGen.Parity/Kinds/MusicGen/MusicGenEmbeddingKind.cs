using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-embedding: a projector's embedding in place of the T5 states.</summary>
internal sealed partial class MusicGenEmbeddingKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-embedding";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        ConditioningRows own = MusicRuns.Encode(bundle, c, MusicRuns.All(c.Inputs.Shape("input_ids")), cancellationToken);
        long[] shape = [own.Batch, own.Length, own.Width];
        report.Compare("encoder_only", own.States, shape);
        report.Compare("training_target", Array.ConvertAll(own.States, v => v * OutputProjector.TrainingScale), shape);
        CompareScale(c, report);
        foreach (MusicRuns.Run run in MusicRuns.Of(c))
        {
            MusicRuns.Compare(bundle, report, c, run, Embedding(c, run.Text("embedding")!, own), null, null, cancellationToken);
        }

        JsonElement forcing = c.Json.GetProperty("teacher_forcing");
        string forced = forcing.GetProperty("decoder_input_ids").GetString()!;
        ConditioningRows rows = Embedding(c, forcing.GetProperty("embedding").GetString()!, own);
        long[] ids = c.Inputs.Int64(forced);
        int length = (int)c.Inputs.Shape(forced)[^1];
        using (MusicGenCondition condition = bundle.Decoder.CreateCondition(rows, default, guided: false, cancellationToken))
        {
            float[] logits = MusicRuns.TeacherForced(bundle, condition, ids, length, cancellationToken);
            report.Compare("logits", logits, [ids.Length / length, length, bundle.Config.VocabularySize]);
        }

        using MusicBundle tapped = MusicBundle.OpenTapped(c);
        using ConditionTaps taps = new(tapped, rows);
        (float[] projected, long[] projectedShape) = taps.Take("projected", cancellationToken);
        report.Compare("projected", projected, projectedShape);
    }

    /// <summary>What the projector emits is ten times the embedding: the rule by which the SDK divides.</summary>
    private static void CompareScale(ParityCase c, ParityReport report)
    {
        if (c.Inputs.Has("projector_output") && c.Inputs.Has("embedding"))
        {
            double[] embedding = c.Inputs.Double("embedding");
            double[] divided = [.. c.Inputs.Float("projector_output").Select(v => (double)(v / OutputProjector.TrainingScale))];
            report.CheckValues("projector_output / 10", embedding, divided, Tolerance.OfLargest(1e-6));
        }
    }

    /// <summary>"inputs NAME", or "expected encoder_only, rows A..B" for the text encoder's own states; all positions visible.</summary>
    private static ConditioningRows Embedding(ParityCase c, string source, ConditioningRows own)
    {
        Match match = SourcePattern().Match(source);
        string name = match.Groups["name"].Value;
        (float[] values, long[] shape) = (match.Groups["where"].Value, name) switch
        {
            ("inputs", _) => (c.Inputs.Float(name), c.Inputs.Shape(name)),
            ("expected", "encoder_only") => (own.States, [own.Batch, own.Length, own.Width]),
            _ => throw new ParityException($"An embedding from '{source}' is not known to this runner."),
        };
        int first = match.Groups["first"].Success ? int.Parse(match.Groups["first"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : 0;
        int last = match.Groups["last"].Success ? int.Parse(match.Groups["last"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : (int)shape[0] - 1;
        int[] rows = [.. Enumerable.Range(first, last - first + 1)];
        long[] mask = new long[rows.Length * (int)shape[1]];
        mask.AsSpan().Fill(1);
        return new ConditioningRows(MusicRuns.Rows(values, shape, rows), mask, rows.Length, (int)shape[1], (int)shape[2]);
    }

    [GeneratedRegex(@"^(?<where>\w+) (?<name>[^,]+)(, rows (?<first>\d+)\.\.(?<last>\d+))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex SourcePattern();
}
