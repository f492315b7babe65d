using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk.Media.Video;

namespace M2UGen.Parity.Kinds;

/// <summary>The table <c>frame_choice</c>: which frames the reference takes of films of many lengths, the random number included.</summary>
internal static partial class M2UGenFrameChoice
{
    public static void Run(JsonElement table, ParityReport report)
    {
        Match function = FunctionPattern().Match(table.GetProperty("function").GetString()!);
        if (!function.Success)
        {
            report.Fail("frame_choice", "case.json does not say how many frames are chosen, and by what seed");
            return;
        }

        int count = int.Parse(function.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        uint seed = uint.Parse(function.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        foreach (JsonProperty row in table.GetProperty("by_frames").EnumerateObject())
        {
            string name = $"frame_choice {row.Name}";
            int frames = int.Parse(row.Name, CultureInfo.InvariantCulture);
            report.Row(name, () => Compare(name, frames, count, seed, row.Value, report));
        }
    }

    private static void Compare(string name, int frames, int count, uint seed, JsonElement expected, ParityReport report)
    {
        if (expected.ValueKind == JsonValueKind.Array)
        {
            // -1 is the last frame.
            long[] indices = [.. expected.EnumerateArray().Select(index => index.GetInt64()).Select(index => index < 0 ? index + frames : index)];
            report.CheckIds(name, indices, Array.ConvertAll(FrameSampler.ReferenceWindow(frames, count, seed), index => (long)index));
        }
        else if (frames == count)
        {
            // The reference fails here; we show the whole film.
            report.CheckIds(name, [.. Enumerable.Range(0, count).Select(index => (long)index)], Array.ConvertAll(FrameSampler.ReferenceWindow(frames, count, seed), index => (long)index));
        }
        else
        {
            report.Check(name, IsRefused(frames, count, seed), "frames were chosen where the reference fails");
        }
    }

    private static bool IsRefused(int frames, int count, uint seed)
    {
        try
        {
            FrameSampler.ReferenceWindow(frames, count, seed);
            return false;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    [GeneratedRegex(@"clip_len=(\d+).*frame_sample_rate=1\b.*np\.random\.seed\((\d+)\)")]
    private static partial Regex FunctionPattern();
}
