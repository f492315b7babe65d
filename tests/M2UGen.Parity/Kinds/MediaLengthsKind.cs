using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Media;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds;

/// <summary>How long the music becomes: the length of every sound file, in whole seconds and in tokens, and the table of tokens.</summary>
internal sealed class MediaLengthsKind : IParityKind
{
    public bool Handles(string kind) => kind == "media-lengths";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonElement row in c.Json.GetProperty("files").EnumerateArray())
        {
            cancellationToken.ThrowIfCancellationRequested();
            string file = row.GetProperty("file").GetString()!;
            report.Row(file, () => CheckFile(c, report, file, row, cancellationToken));
        }

        foreach (JsonElement row in c.Json.GetProperty("tokens").EnumerateArray())
        {
            double seconds = row.GetProperty("seconds").GetDouble();
            CheckNumber(report, string.Create(CultureInfo.InvariantCulture, $"tokens of {seconds} s"), row.GetProperty("music_tokens").GetInt64(), MusicGenPlan.ReferenceTokens(seconds));
        }
    }

    private static void CheckFile(ParityCase c, ParityReport report, string file, JsonElement row, CancellationToken cancellationToken)
    {
        AudioClip clip = AudioClip.LoadAsync(c.Resolve(file), cancellationToken).GetAwaiter().GetResult();
        CheckNumber(report, $"{file} frames", row.GetProperty("frames").GetInt64(), clip.SampleCount);
        CheckNumber(report, $"{file} rate", row.GetProperty("rate").GetInt64(), clip.SampleRate);
        double seconds = (double)clip.SampleCount / clip.SampleRate;
        report.CheckValues($"{file} seconds", [row.GetProperty("seconds").GetDouble()], [seconds], Tolerance.Absolute(1e-6));

        TimeSpan length = OutputLength.Choose(null, seconds, null, wholeSeconds: true)!.Value;
        report.CheckValues($"{file} length", [row.GetProperty("reference_length_s").GetDouble()], [length.TotalSeconds], Tolerance.Exact);
        CheckNumber(report, $"{file} tokens", row.GetProperty("music_tokens").GetInt64(), MusicGenPlan.ReferenceTokens(length.TotalSeconds));
    }

    private static void CheckNumber(ParityReport report, string name, long expected, long actual) =>
        report.Check(name, expected == actual, $"expected {expected}, found {actual}");
}
