using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Media.Image;
using M2UGen.Sdk.Media.Video;

namespace M2UGen.Parity.Kinds;

/// <summary>The tables of a media-video case: the reference's frame choice by its random number, and ViViT's preprocessing of given frames.</summary>
internal static partial class MediaVideoTables
{
    // VivitImageProcessor's published numbers, which the case's notes state.
    private const double Rescale = 1 / 127.5;

    /// <summary>The table <c>reference_index_rule</c>.</summary>
    public static void CheckIndexRule(ParityCase c, ParityReport report)
    {
        JsonElement[] rows = [.. c.Json.GetProperty("reference_index_rule").EnumerateArray()];
        JsonElement window = rows.First(r => r.TryGetProperty("indices", out JsonElement i) && i.ValueEquals("consecutive"));
        int count = window.GetProperty("last").GetInt32() - window.GetProperty("first").GetInt32() + 1;
        foreach (JsonElement row in rows)
        {
            int frames = row.GetProperty("frames").GetInt32();
            string name = $"reference_index_rule {frames} {row.GetProperty("random_end")}";
            report.Row(name, () =>
            {
                if (row.TryGetProperty("error", out _))
                {
                    CheckFailure(report, name, frames, count);
                    return;
                }

                int first = row.GetProperty("first").GetInt32();
                bool same = first == row.GetProperty("last").GetInt32();
                CheckWindow(report, name, frames, row.GetProperty("random_end").GetInt32(), [.. Enumerable.Range(0, count).Select(i => same ? first : first + i)]);
            });
        }
    }

    /// <summary>A film's own rows: indices by random number, or what the reference did instead.</summary>
    /// <param name="report">Where the lines go.</param>
    /// <param name="name">The row.</param>
    /// <param name="reference">An object of lists, a list of short films' rows, or the text of an error.</param>
    /// <param name="frames">Frames by the film's header.</param>
    public static void CheckReference(ParityReport report, string name, JsonElement reference, int frames)
    {
        if (reference.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty row in reference.EnumerateObject())
            {
                CheckWindow(report, $"{name} {row.Name}", frames, int.Parse(row.Name, CultureInfo.InvariantCulture), [.. row.Value.EnumerateArray().Select(i => i.GetInt32())]);
            }
        }
        else if (reference.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement row in reference.EnumerateArray())
            {
                Match indices = RepeatPattern().Match(row.GetProperty("indices").GetString()!);
                int end = row.GetProperty("random_end").GetInt32();
                CheckWindow(report, $"{name} {end}", frames, end, [.. Enumerable.Repeat(Number(indices, 2), Number(indices, 1))]);
            }
        }
        else
        {
            Match range = RandintPattern().Match(reference.GetString()!);
            CheckFailure(report, name, frames, range.Success ? Number(range, 1) : 1);
        }
    }

    /// <summary>Tensors "vivit_HxW.SHORT.u8" and "vivit_HxW.SHORT.pixel_values_frameI".</summary>
    public static void CheckPreprocessing(ParityCase c, ParityReport report)
    {
        foreach (string tensor in c.Expected.Names)
        {
            Match name = VivitPattern().Match(tensor);
            if (name.Success)
            {
                report.Row(tensor, () => CheckFrames(c, report, tensor, name));
            }
        }
    }

    private static void CheckFrames(ParityCase c, ParityReport report, string tensor, Match name)
    {
        long[] input = c.Inputs.Shape(name.Groups[1].Value);
        byte[] pixels = Array.ConvertAll(c.Inputs.Int64(name.Groups[1].Value), v => (byte)v);
        byte[][] frames = [.. pixels.Chunk(pixels.Length / (int)input[0])];
        long[] shape = c.Expected.Shape(tensor);
        bool isPixels = name.Groups[3].Success;
        int crop = (int)shape[1];
        VivitPreprocessor preprocessor = Preprocessor(Number(name, 2), crop);
        (int height, int width) = preprocessor.ResizedSize((int)input[1], (int)input[2]);
        if (isPixels)
        {
            float[] values = new float[3 * crop * crop];
            preprocessor.Prepare(Resize(frames[Number(name, 3)]), height, width, values);
            report.Compare(tensor, values, [3, crop, crop], Tolerance.Absolute(c.Json.GetProperty("tolerance").GetProperty("pixel_values").GetDouble()));
            return;
        }

        // Of some sizes only the last frame is stored.
        List<long> cropped = [];
        foreach (byte[] frame in frames[^(int)shape[0]..])
        {
            byte[] resized = Resize(frame);
            for (int row = 0; row < crop; row++)
            {
                int from = ((((height - crop) / 2) + row) * width) + ((width - crop) / 2);
                cropped.AddRange(resized.AsSpan(from * 3, crop * 3).ToArray().Select(v => (long)v));
            }
        }

        report.CompareExact(tensor, cropped.ToArray(), [shape[0], crop, crop, 3]);

        byte[] Resize(byte[] frame) => Resizer.Resize(frame, (int)input[2], (int)input[1], 3, width, height);
    }

    private static VivitPreprocessor Preprocessor(int shortestEdge, int crop) => VivitPreprocessor.From(
        new JsonObject
        {
            ["shortest_edge"] = shortestEdge,
            ["crop_height"] = crop,
            ["crop_width"] = crop,
            ["rescale_factor"] = Rescale,
            ["offset"] = true,
            ["image_mean"] = new JsonArray(0.5, 0.5, 0.5),
            ["image_std"] = new JsonArray(0.5, 0.5, 0.5),
        },
        "case.json");

    private static void CheckWindow(ParityReport report, string name, int frames, int end, int[] expected)
    {
        // -1 is Python's last frame.
        long[] indices = Array.ConvertAll(expected, i => (long)(i < 0 ? i + frames : i));
        report.CheckIds(name, indices, Array.ConvertAll(FrameSampler.ReferenceWindowBefore(end, frames, expected.Length), i => (long)i));
    }

    /// <summary>Where the reference fails: a film of exactly as many frames as are taken is shown whole here; one without frames is refused.</summary>
    private static void CheckFailure(ParityReport report, string name, int frames, int count)
    {
        if (frames > 0)
        {
            report.CheckIds(name, [.. Enumerable.Range(0, count).Select(i => (long)i)], Array.ConvertAll(FrameSampler.ReferenceWindow(frames, count, seed: 0), i => (long)i));
            return;
        }

        bool refused;
        try
        {
            FrameSampler.ReferenceWindow(frames, count, seed: 0);
            refused = false;
        }
        catch (ArgumentOutOfRangeException)
        {
            refused = true;
        }

        report.Check(name, refused, "frames were chosen of a film without any");
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(\d+) times (-?\d+)$")]
    private static partial Regex RepeatPattern();

    [GeneratedRegex(@"randint\((\d+), \d+\)")]
    private static partial Regex RandintPattern();

    [GeneratedRegex(@"^(vivit_\d+x\d+)\.(\d+)\.(?:u8|pixel_values_frame(\d+))$")]
    private static partial Regex VivitPattern();
}
