using System.Text.Json;
using M2UGen.Export.Blocks;
using M2UGen.Export.Configs;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-t5: captions to ids, T5 states, and their projection; T5's stages inside.</summary>
internal sealed class MusicGenT5Kind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-t5";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        CompareCaptions(bundle, c, report);
        foreach (string input in c.Inputs.Names.Where(name => name.StartsWith("unpadded_ids/", StringComparison.Ordinal)))
        {
            long[] ids = c.Inputs.Int64(input);
            long[] shape = c.Inputs.Shape(input);
            Compare(report, $"t5/unpadded/{input["unpadded_ids/".Length..]}", bundle.Decoder.Text.Encode(ids, Ones(ids.Length), (int)shape[0], cancellationToken));
        }

        long[] all = c.Inputs.Shape("input_ids");
        ConditioningRows states = MusicRuns.Encode(bundle, c, MusicRuns.All(all), cancellationToken);
        Compare(report, "t5/states", states);
        if (c.Expected.Has("t5/states_no_mask"))
        {
            long[] ids = MusicRuns.Rows(c.Inputs.Int64("input_ids"), all, [MusicRuns.TextNamedIn(c, "t5/states_no_mask")]);
            Compare(report, "t5/states_no_mask", bundle.Decoder.Text.Encode(ids, Ones(ids.Length), 1, cancellationToken));
        }

        CompareBuckets(c, report);
        using MusicBundle tapped = MusicBundle.OpenTapped(c);
        CompareStages(tapped, c, report, states, cancellationToken);
    }

    /// <summary>The bundle's own tokenizer on the texts of case.json, padded as the reference's call does, and alone.</summary>
    private static void CompareCaptions(MusicBundle bundle, ParityCase c, ParityReport report)
    {
        string[] texts = [.. c.Json.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
        long[] shape = c.Inputs.Shape("input_ids");
        for (int i = 0; i < texts.Length; i++)
        {
            // The reference pads and cuts to the width of input_ids; a text alone is cut at the model's own limit.
            if (i < shape[0])
            {
                Check($"texts/{i} (padded)", MusicRuns.Rows(c.Inputs.Int64("input_ids"), shape, [i]), texts[i], (int)shape[^1]);
            }

            if (c.Inputs.Has($"unpadded_ids/{i}"))
            {
                Check($"texts/{i}", c.Inputs.Int64($"unpadded_ids/{i}"), texts[i], null);
            }
        }

        void Check(string name, long[] expected, string text, int? paddedLength)
        {
            long[] ids = bundle.Decoder.Text.Tokenize(text, paddedLength).Ids;
            if (text.Contains("<extra_id_", StringComparison.Ordinal) && !ids.AsSpan().SequenceEqual(expected))
            {
                report.Skip(name, "holds special-token strings, whose ids case.json calls optional");
                return;
            }

            report.CheckIds(name, expected, ids);
        }
    }

    /// <summary>Buckets of relative positions -n..n, from the exporter's own formula and the directory's numbers.</summary>
    private static void CompareBuckets(ParityCase c, ParityReport report)
    {
        if (!c.Expected.Has("t5/buckets"))
        {
            return;
        }

        T5Config config = MusicGenConfigOf(c).TextEncoder;
        int count = (int)c.Expected.Shape("t5/buckets")[0];
        long[] buckets = [.. Enumerable.Range(-(count / 2), count).Select(relative => (long)RelativePositionBias.Bucket(relative, config.Buckets, config.MaxDistance))];
        report.CompareExact("t5/buckets", buckets, [count]);
    }

    private static void CompareStages(MusicBundle tapped, ParityCase c, ParityReport report, ConditioningRows states, CancellationToken cancellationToken)
    {
        long[] all = c.Inputs.Shape("input_ids");
        foreach (string layer in c.Expected.Names.Where(name => name.StartsWith("t5/layer", StringComparison.Ordinal)))
        {
            int[] row = [MusicRuns.TextNamedIn(c, layer)];
            (float[] values, long[] shape) = RunT5(tapped, MusicRuns.Rows(c.Inputs.Int64("input_ids"), all, row), MusicRuns.Rows(c.Inputs.Int64("attention_mask"), all, row), layer, cancellationToken);
            report.Compare(layer, values, shape);
        }

        if (c.Expected.Has("t5/position_bias"))
        {
            // The bias depends on the number of positions alone.
            int length = (int)c.Expected.Shape("t5/position_bias")[^1];
            (float[] values, long[] shape) = RunT5(tapped, new long[length], Ones(length), "t5/position_bias", cancellationToken);
            report.Compare("t5/position_bias", values, shape);
        }

        if (c.Expected.Has("projected"))
        {
            using ConditionTaps taps = new(tapped, states);
            (float[] values, long[] shape) = taps.Take("projected", cancellationToken);
            report.Compare("projected", values, shape);
        }
    }

    private static (float[] Values, long[] Shape) RunT5(MusicBundle tapped, long[] ids, long[] mask, string tap, CancellationToken cancellationToken)
    {
        using NativeTensor inputIds = NativeTensor.Of<long>(ids, 1, ids.Length);
        using NativeTensor attentionMask = NativeTensor.Of<long>(mask, 1, mask.Length);
        Dictionary<string, NativeTensor> inputs = new() { ["input_ids"] = inputIds, ["attention_mask"] = attentionMask };
        return MusicRuns.Take(tapped.Run(Sdk.Music.MusicGen.MusicGenConfig.TextComponent, inputs, [tap], cancellationToken)[0]);
    }

    private static Export.Configs.MusicGenConfig MusicGenConfigOf(ParityCase c) =>
        Export.Configs.MusicGenConfig.Read(Path.Combine(MusicBundle.DirectoryOf(c), "config.json"));

    private static void Compare(ParityReport report, string tensor, ConditioningRows rows) =>
        report.Compare(tensor, rows.States, [rows.Batch, rows.Length, rows.Width]);

    private static long[] Ones(int count)
    {
        long[] ones = new long[count];
        ones.AsSpan().Fill(1);
        return ones;
    }
}
