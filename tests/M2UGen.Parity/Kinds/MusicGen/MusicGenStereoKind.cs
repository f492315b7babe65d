using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-stereo: two channels through one mono codec, rows of codes in turn, with and without an audio prompt.</summary>
internal sealed class MusicGenStereoKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-stereo";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        foreach (MusicRuns.Run run in MusicRuns.Of(c))
        {
            CodeFrames? prompt = run.Text("prompt") is { } name ? Prompt(bundle, c, report, name, cancellationToken) : null;
            ConditioningRows rows = MusicRuns.Encode(bundle, c, run.Texts, cancellationToken);
            MusicRuns.Compare(bundle, report, c, run, rows, null, prompt, cancellationToken);
        }

        DelayTensors.Compare(c, report, "delay/", bundle.Config);
        JsonElement forcing = c.Json.GetProperty("teacher_forcing");
        string forced = forcing.GetProperty("decoder_input_ids").GetString()!;
        long[] ids = c.Inputs.Int64(forced);
        int length = (int)c.Inputs.Shape(forced)[^1];
        ConditioningRows texts = MusicRuns.Encode(bundle, c, [.. forcing.GetProperty("texts").EnumerateArray().Select(t => t.GetInt32())], cancellationToken);
        using MusicGenCondition condition = bundle.Decoder.CreateCondition(texts, default, guided: false, cancellationToken);
        float[] logits = MusicRuns.TeacherForced(bundle, condition, ids, length, cancellationToken);
        report.Compare("logits", logits, [ids.Length / length, length, bundle.Config.VocabularySize]);
    }

    /// <summary>[channels, samples] as a clip, prepared and encoded as a user's prompt is.</summary>
    private static CodeFrames Prompt(MusicBundle bundle, ParityCase c, ParityReport report, string name, CancellationToken cancellationToken)
    {
        long[] shape = c.Inputs.Shape(name);
        float[] planes = c.Inputs.Float(name);
        int channels = (int)shape[0];
        int count = (int)shape[1];
        float[] interleaved = new float[planes.Length];
        for (int i = 0; i < planes.Length; i++)
        {
            interleaved[(i % count * channels) + (i / count)] = planes[i];
        }

        AudioClip clip = AudioClip.FromSamples(interleaved, c.Json.GetProperty("sample_rate").GetInt32(), channels);
        AudioPrompts prompts = bundle.Decoder.Prompts.Pad([bundle.Decoder.Prompts.Prepare(clip)]);
        CodeFrames codes = bundle.Decoder.Encoder!.Encode(prompts.Values, bundle.Config.Channels, prompts.SampleCount, cancellationToken);
        if (c.Expected.Has($"{name}/input_values") && !report.Has($"{name}/input_values"))
        {
            report.Compare($"{name}/input_values", prompts.Values, [1, bundle.Config.Channels, prompts.SampleCount]);
            report.CompareExact($"{name}/codes", codes.ToArray(), [1, bundle.Config.Codebooks, codes.Count]);
        }

        return codes;
    }
}
