using System.Text.Json;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-melody: chroma extraction, the prefix in front of the codes, and the music that follows a melody.</summary>
internal sealed class MusicGenMelodyKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-melody";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        if (bundle.Decoder.Melody is not { } extractor)
        {
            throw new ParityException("The exported bundle is no melody model.");
        }

        MelodyChroma.Run(c, report, extractor);
        MusicRuns.Run[] runs = MusicRuns.Of(c);
        foreach (MusicRuns.Run run in runs)
        {
            ConditioningRows rows = Rows(bundle, c, run, cancellationToken);
            MusicRuns.Compare(bundle, report, c, run, rows, Chroma(c, extractor, run, rows.Batch), null, cancellationToken);
        }

        CompareForced(bundle, c, report, runs, extractor, cancellationToken);
    }

    private static ConditioningRows Rows(MusicBundle bundle, ParityCase c, MusicRuns.Run run, CancellationToken cancellationToken)
    {
        string ids = run.Text("input_ids")!;
        return MusicRuns.Encode(bundle, c, ids, run.Text("attention_mask")!, MusicRuns.All(c.Inputs.Shape(ids)), cancellationToken);
    }

    private static float[] Chroma(ParityCase c, ChromaExtractor extractor, MusicRuns.Run run, int pieces)
    {
        ChromaConfig config = extractor.Config;
        float[][] melodies = run.Text("chroma") is { } name
            ? [.. MelodyChroma.Features(c, extractor, name).Select(features => features.Fit(config.ChromaLength))]
            : [ChromaFeatures.None(config.ChromaLength, config.ChromaCount)];

        // One melody serves all pieces of a batch.
        return [.. Enumerable.Range(0, pieces).SelectMany(piece => melodies[melodies.Length == 1 ? 0 : piece])];
    }

    private static void CompareForced(MusicBundle bundle, ParityCase c, ParityReport report, MusicRuns.Run[] runs, ChromaExtractor extractor, CancellationToken cancellationToken)
    {
        JsonElement forcing = c.Json.GetProperty("teacher_forcing");
        string name = forcing.GetProperty("run").GetString()!;

        // The name is that of a pair of runs, which differ in guidance alone: both read the ids NAME/input_ids.
        MusicRuns.Run run = runs.FirstOrDefault(r => r.Text("input_ids") == $"{name}/input_ids")
            ?? runs.FirstOrDefault(r => r.Name.StartsWith(name, StringComparison.Ordinal))
            ?? throw new ParityException($"teacher_forcing.run is '{name}', and no run is called so.");
        ConditioningRows rows = Rows(bundle, c, run, cancellationToken);
        using MusicGenCondition condition = bundle.Decoder.CreateCondition(rows, Chroma(c, extractor, run, rows.Batch), guided: false, cancellationToken);
        report.Compare("prefix", condition.Prefix!.AsSpan<float>(), condition.Prefix.Shape);

        string forced = forcing.GetProperty("decoder_input_ids").GetString()!;
        long[] ids = c.Inputs.Int64(forced);
        int length = (int)c.Inputs.Shape(forced)[^1];
        float[] logits = MusicRuns.TeacherForced(bundle, condition, ids, length, cancellationToken);
        report.Compare("logits", logits, [ids.Length / length, length, bundle.Config.VocabularySize]);
    }
}
