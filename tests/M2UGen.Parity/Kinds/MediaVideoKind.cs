using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Media;
using M2UGen.Sdk.Media.Video;

namespace M2UGen.Parity.Kinds;

/// <summary>Films: what their files say, their frames, which of them the reference takes, how they are prepared for ViViT, and files that must be refused.</summary>
internal sealed class MediaVideoKind : IParityKind
{
    // Rates are nowhere used: frames are chosen by number, and the length is the container's. The last two speak of the other rows.
    private static readonly string[] NotStated = ["avg_frame_rate", "r_frame_rate", "ffmpeg5_cli_vs_pyav18_max_difference", "mean_rgb_of_every_frame_in"];

    public bool Handles(string kind) => kind == "media-video";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonProperty file in c.Json.GetProperty("files").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row(file.Name, () => CheckFilm(c, report, file.Name, file.Value, cancellationToken));
        }

        MediaVideoTables.CheckIndexRule(c, report);
        MediaVideoTables.CheckPreprocessing(c, report);
        foreach (JsonProperty file in c.Json.GetProperty("refuse").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            MediaRefusal.Check(report, file.Name, must: true, async () =>
            {
                VideoClip clip = await VideoClip.OpenAsync(c.Resolve(file.Name), cancellationToken);
                return await clip.ReadFramesAsync([0], applyRotation: true, cancellationToken);
            });
        }
    }

    private static void CheckFilm(ParityCase c, ParityReport report, string file, JsonElement facts, CancellationToken cancellationToken)
    {
        VideoClip clip = VideoClip.OpenAsync(c.Resolve(file), cancellationToken).GetAwaiter().GetResult();
        FilmFacts found = clip.Facts!;
        foreach (JsonProperty fact in facts.EnumerateObject().Where(f => !NotStated.Contains(f.Name, StringComparer.Ordinal)))
        {
            string name = $"{file} {fact.Name}";
            switch (fact.Name)
            {
                case "decoded_frames": Number(clip.FrameCount); break;
                case "header_frames": Number(clip.HeaderFrameCount); break;
                case "width": Number(found.Width); break;
                case "height": Number(found.Height); break;
                case "rotation": Number(found.Rotation); break;
                case "codec": report.CheckText(name, fact.Value.GetString(), found.Codec); break;
                case "has_audio": report.Check(name, fact.Value.GetBoolean() == clip.HasAudio, $"expected {fact.Value}, found {clip.HasAudio}"); break;
                case "format_duration": report.CheckValues(name, [fact.Value.GetDouble()], [clip.Duration.TotalSeconds], Tolerance.Absolute(1e-6)); break;
                case "reference_length_s": Number(OutputLength.WholeSeconds(clip.Duration.TotalSeconds)); break;
                case "frame_times": report.CheckValues(name, [.. fact.Value.EnumerateArray().Select(t => t.GetDouble())], [.. found.FrameTimes], Tolerance.Absolute(1e-6)); break;
                case "frames_stored": CheckFrames(c, report, file, clip, [.. fact.Value.EnumerateArray().Select(i => i.GetInt32())], cancellationToken); break;
                case "reference_indices_by_random_end" or "reference": MediaVideoTables.CheckReference(report, name, fact.Value, clip.HeaderFrameCount); break;
                default: report.Skip(name, "stored for information: the library states no such thing"); break;
            }

            void Number(long actual) => report.Check(name, fact.Value.GetInt64() == actual, $"expected {fact.Value}, found {actual}");
        }
    }

    /// <summary>Every decoded frame's mean, and the frames that are stored whole, pixel by pixel.</summary>
    private static void CheckFrames(ParityCase c, ParityReport report, string file, VideoClip clip, int[] stored, CancellationToken cancellationToken)
    {
        IReadOnlyList<ImageFrame> all = clip.ReadFramesAsync([.. Enumerable.Range(0, clip.FrameCount)], applyRotation: false, cancellationToken).GetAwaiter().GetResult();
        JsonElement tolerance = c.Json.GetProperty("tolerance");
        float[] means = [.. all.SelectMany(MeanRgb)];
        report.Compare($"{file}.means", means, [all.Count, 3], Tolerance.Absolute(tolerance.GetProperty("means").GetDouble()));

        // Asked for alone, which is how a request does it.
        IReadOnlyList<ImageFrame> frames = clip.ReadFramesAsync(stored, applyRotation: false, cancellationToken).GetAwaiter().GetResult();
        string tensor = $"{file}.frames";
        double[] actual = [.. frames.SelectMany(f => f.Rgb.ToArray()).Select(v => (double)v)];
        double[] expected = c.Expected.Double(tensor);
        long[] shape = [frames.Count, frames[0].Height, frames[0].Width, 3];
        report.Check($"{tensor} shape", shape.SequenceEqual(c.Expected.Shape(tensor)), $"expected [{string.Join(", ", c.Expected.Shape(tensor))}], found [{string.Join(", ", shape)}]");
        report.CheckValues(tensor, expected, actual, Tolerance.Absolute(tolerance.GetProperty("frames_max").GetDouble()));
        if (expected.Length == actual.Length)
        {
            double mean = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Average();
            report.CheckValues($"{tensor} mean difference", [0], [mean], Tolerance.Absolute(tolerance.GetProperty("frames_mean").GetDouble()));
        }

        CheckUpright(report, file, clip, stored[^1], frames[^1], cancellationToken);
    }

    /// <summary>Rotation undone, by the degrees that the file states: -90 means that a quarter turn clockwise stands the picture upright.</summary>
    private static void CheckUpright(ParityReport report, string file, VideoClip clip, int index, ImageFrame stored, CancellationToken cancellationToken)
    {
        ImageFrame upright = clip.ReadFramesAsync([index], applyRotation: true, cancellationToken).GetAwaiter().GetResult()[0];
        ImageFrame turned = stored;
        for (int quarter = ((-clip.Facts!.Rotation / 90) + 4) % 4; quarter > 0; quarter--)
        {
            turned = TurnClockwise(turned);
        }

        bool equal = (upright.Width, upright.Height) == (turned.Width, turned.Height) && (clip.Width, clip.Height) == (turned.Width, turned.Height) && upright.Rgb.Span.SequenceEqual(turned.Rgb.Span);
        report.Check($"{file} upright", equal, $"a stored frame turned by {clip.Facts!.Rotation} degrees is not the upright frame");
    }

    private static ImageFrame TurnClockwise(ImageFrame frame)
    {
        byte[] rgb = new byte[frame.Rgb.Length];
        for (int row = 0; row < frame.Height; row++)
        {
            for (int column = 0; column < frame.Width; column++)
            {
                frame.Rgb.Span.Slice(((row * frame.Width) + column) * 3, 3).CopyTo(rgb.AsSpan(((column * frame.Height) + frame.Height - 1 - row) * 3));
            }
        }

        return ImageFrame.FromRgb(rgb, frame.Height, frame.Width);
    }

    private static float[] MeanRgb(ImageFrame frame)
    {
        long[] sums = new long[3];
        ReadOnlySpan<byte> rgb = frame.Rgb.Span;
        for (int i = 0; i < rgb.Length; i++)
        {
            sums[i % 3] += rgb[i];
        }

        return Array.ConvertAll(sums, sum => (float)((double)sum / (frame.Width * frame.Height)));
    }
}
