using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds;

/// <summary>The delay pattern: building it, forcing it on a sequence, taking it out again, and the prompts that do not fit.</summary>
internal sealed partial class MusicGenDelayKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-delay";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        long pad = c.Json.GetProperty("pad_token_id").GetInt64();
        int channels = c.Json.TryGetProperty("audio_channels", out JsonElement value) ? value.GetInt32() : 1;
        List<JsonElement> rows = [.. c.Json.GetProperty("rows").EnumerateArray()];
        JsonElement whole = rows.First(row => !row.TryGetProperty("error", out _));
        int codebooks = (int)c.Inputs.Shape($"{whole.GetProperty("name").GetString()}/prompt")[0] / whole.GetProperty("batch").GetInt32();
        foreach (JsonElement row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string name = row.GetProperty("name").GetString()!;
            if (row.TryGetProperty("error", out _))
            {
                CheckRefused(report, name, codebooks, channels, pad);
            }
            else
            {
                RunRow(c, report, row, name, codebooks, channels, pad);
            }
        }
    }

    private static void RunRow(ParityCase c, ParityReport report, JsonElement row, string name, int codebooks, int channels, long pad)
    {
        int promptLength = (int)c.Inputs.Shape($"{name}/prompt")[1];
        int length = row.GetProperty("max_length").GetInt32();
        DelayPattern pattern = new(codebooks, channels, pad, c.Inputs.Int64($"{name}/prompt"), promptLength, length);
        report.CompareExact($"{name}/start", pattern.BuildStartIds(), [pattern.Rows, pattern.StartLength]);
        report.CompareExact($"{name}/mask", pattern.BuildMask(), [pattern.Rows, length]);
        long[] ids = c.Inputs.Int64($"{name}/filled");
        pattern.Apply(ids, length);
        report.CompareExact($"{name}/applied", ids, [pattern.Rows, length]);
        long[] frames = pattern.Remove(ids, length);
        report.CompareExact($"{name}/frames", frames, [pattern.Rows / codebooks, codebooks, frames.Length / pattern.Rows]);
        if (row.TryGetProperty("frames", out JsonElement count))
        {
            report.CheckIds($"{name} number of frames", [(long)count.GetDouble()], [pattern.FrameCount]);
        }
    }

    private static void CheckRefused(ParityReport report, string name, int codebooks, int channels, long pad)
    {
        Match match = NamePattern().Match(name);
        int promptLength = 1 + int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        long[] prompt = new long[codebooks * promptLength];
        try
        {
            _ = new DelayPattern(codebooks, channels, pad, prompt, promptLength, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
            report.Fail($"{name} is refused", "the reference refuses this prompt, this code took it");
        }
        catch (ArgumentException)
        {
            report.Check($"{name} is refused", true, "");
        }
    }

    [GeneratedRegex(@"^p(\d+)_l(\d+)$")]
    private static partial Regex NamePattern();
}
