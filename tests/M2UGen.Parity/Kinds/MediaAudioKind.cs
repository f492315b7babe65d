using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Parity.Kinds;

/// <summary>Sound files of many formats: rate, channels, length and samples of each, the encoder input of some, and damaged files that must be refused.</summary>
internal sealed class MediaAudioKind : IParityKind
{
    private const int EncoderRate = 24000;

    // What distinguishes a codec that loses nothing, in the case's own terms: its samples must be equal but for the last bit of a float.
    private const double LosslessTolerance = 1e-6;

    public bool Handles(string kind) => kind == "media-audio";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonProperty file in c.Json.GetProperty("files").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row(file.Name, () => CheckFile(c, report, file.Name, file.Value, cancellationToken));
        }

        foreach (JsonProperty file in c.Json.GetProperty("refuse").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool must = file.Value.GetProperty("verdict").ValueEquals("refuse");
            MediaRefusal.Check(report, file.Name, must, () => AudioClip.LoadAsync(c.Resolve(file.Name), cancellationToken));
        }
    }

    private static void CheckFile(ParityCase c, ParityReport report, string file, JsonElement facts, CancellationToken cancellationToken)
    {
        AudioClip clip = AudioClip.LoadAsync(c.Resolve(file), cancellationToken).GetAwaiter().GetResult();
        Equal("rate", facts.GetProperty("rate").GetInt32(), clip.SampleRate);
        Equal("channels", facts.GetProperty("channels").GetInt32(), clip.Channels);

        double tolerance = facts.GetProperty("tolerance").GetDouble();
        long[] shape = c.Expected.Shape(file);
        int frames = (int)shape[1];
        if (tolerance <= LosslessTolerance)
        {
            Equal("frames", frames, clip.SampleCount);
        }
        else
        {
            int[] lengths = [.. facts.EnumerateObject().Where(f => f.Name.EndsWith("frames", StringComparison.Ordinal) && f.Value.ValueKind == JsonValueKind.Number).Select(f => f.Value.GetInt32())];
            int slack = c.Json.GetProperty("tolerance").GetProperty("frame_count").GetInt32();
            report.Check($"{file} frames", lengths.Any(length => Math.Abs(length - clip.SampleCount) <= slack), $"expected one of {string.Join(", ", lengths)} (+-{slack}), found {clip.SampleCount}");
            frames = Math.Min(frames, clip.SampleCount);
        }

        // Stored as float32, or as int16 to be divided by 32768.
        double scale = c.Expected.IsInteger(file) ? 32768 : 1;
        double[] expected = c.Expected.Double(file);
        double[] expectedFrames = [.. Enumerable.Range(0, (int)shape[0]).SelectMany(channel => expected.Skip(channel * (int)shape[1]).Take(frames).Select(v => v / scale))];
        double[] actual = [.. Enumerable.Range(0, clip.Channels).SelectMany(channel => ChannelMixer.Extract(clip.Samples.Span, clip.Channels, channel).Take(frames).Select(v => (double)v))];
        report.CheckValues(file, expectedFrames, actual, Tolerance.Absolute(tolerance));

        string mono = $"{file}.mono24k";
        if (c.Expected.Has(mono))
        {
            AudioClip input = clip.Resample(EncoderRate).ToMono();
            report.Compare(mono, input.Samples.Span, [input.SampleCount], Tolerance.Absolute(c.Json.GetProperty("tolerance").GetProperty("mono24k").GetDouble()));
        }

        void Equal(string what, int e, int a) => report.Check($"{file} {what}", e == a, $"expected {e}, found {a}");
    }
}
