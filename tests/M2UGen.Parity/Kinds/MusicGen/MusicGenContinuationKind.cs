using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>musicgen-continuation: audio prompts, alone and as a batch of unequal lengths, and the music that goes on from them.</summary>
internal sealed class MusicGenContinuationKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-continuation";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using MusicBundle bundle = MusicBundle.Open(c);
        int rate = c.Json.GetProperty("sample_rate").GetInt32();
        foreach (MusicRuns.Run run in MusicRuns.Of(c))
        {
            string group = run.Codes[..run.Codes.IndexOf('/', StringComparison.Ordinal)];
            float[][][] waves = [.. run.Json.GetProperty("waves").EnumerateArray().Select(wave => bundle.Decoder.Prompts.Prepare(AudioClip.FromSamples(c.Inputs.Float(wave.GetString()!), rate)))];
            AudioPrompts prompts = bundle.Decoder.Prompts.Pad(waves);
            CodeFrames codes = bundle.Decoder.Encoder!.Encode(prompts.Values, bundle.Config.Channels, prompts.SampleCount, cancellationToken);
            ComparePrompts(bundle, c, report, group, waves.Length, prompts, codes);

            ConditioningRows rows = MusicRuns.Encode(bundle, c, run.Texts, cancellationToken);
            CodeFrames frames = MusicRuns.Compare(bundle, report, c, run, rows, null, codes, cancellationToken);
            if (run.Audio is { } audio)
            {
                CompareStripped(bundle, c, report, audio, frames, prompts, cancellationToken);
            }
        }
    }

    private static void ComparePrompts(MusicBundle bundle, ParityCase c, ParityReport report, string group, int pieces, AudioPrompts prompts, CodeFrames codes)
    {
        // Several runs share a group's prompts.
        if (report.Has($"{group}/codes"))
        {
            return;
        }

        report.Compare($"{group}/input_values", prompts.Values, [pieces, bundle.Config.Channels, prompts.SampleCount]);
        report.CompareExact($"{group}/padding_mask", prompts.Mask, [pieces, prompts.SampleCount]);
        report.CompareExact($"{group}/codes", codes.ToArray(), [1, pieces, bundle.Config.Codebooks, codes.Count]);
    }

    /// <summary>Each piece without the silence that its prompt was padded with.</summary>
    private static void CompareStripped(MusicBundle bundle, ParityCase c, ParityReport report, string audioTensor, CodeFrames frames, AudioPrompts prompts, CancellationToken cancellationToken)
    {
        float[] audio = bundle.Decoder.Codec.Decode(frames, bundle.Config.Channels, cancellationToken);
        int samples = frames.Count * bundle.Config.Codec.SamplesPerFrame;
        int channels = bundle.Config.Channels;
        string name = audioTensor.Replace("/audio_", "/stripped_", StringComparison.Ordinal);
        for (int piece = 0; piece < prompts.Padding.Length; piece++)
        {
            if (c.Expected.Has($"{name}/{piece}"))
            {
                int kept = samples - prompts.Padding[piece];
                float[] stripped = new float[channels * kept];
                for (int channel = 0; channel < channels; channel++)
                {
                    audio.AsSpan((((piece * channels) + channel) * samples) + prompts.Padding[piece], kept).CopyTo(stripped.AsSpan(channel * kept));
                }

                report.Compare($"{name}/{piece}", stripped, [channels, kept]);
            }
        }
    }
}
