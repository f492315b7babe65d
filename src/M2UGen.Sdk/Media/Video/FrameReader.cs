using System.Globalization;
using FFMpegCore;
using M2UGen.Sdk.Media.FFmpeg;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Sdk.Media.Video;

/// <summary>Decodes a film once, from its beginning to the last frame asked for, and keeps the frames that were asked for.</summary>
/// <remarks>Pixels are those of ffmpeg's own conversion to RGB with its default, bicubic chroma: the same as PyAV's.</remarks>
internal static class FrameReader
{
    // An expression of more terms is slower than passing the frames between them on.
    private const int MaxRanges = 256;

    /// <summary>Reads frames.</summary>
    /// <param name="source">The film.</param>
    /// <param name="facts">What the probe found.</param>
    /// <param name="indices">Numbers of decoded frames, from 0, in any order, also repeated.</param>
    /// <param name="upright">Whether frames are turned as the file says.</param>
    /// <param name="options">The limits.</param>
    /// <param name="cancellationToken">Stops ffmpeg.</param>
    /// <returns>A frame for each index; indices behind the last frame that can be decoded give the last one that was asked for before them.</returns>
    /// <exception cref="MediaFormatException">No frame can be decoded, or the frames exceed the limits.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg.</exception>
    public static async Task<IReadOnlyList<ImageFrame>> ReadAsync(MediaSource source, FilmFacts facts, IReadOnlyList<int> indices, bool upright, MediaOptions options, CancellationToken cancellationToken)
    {
        int[] wanted = [.. indices.Distinct().Order()];
        if (wanted.Length == 0)
        {
            return [];
        }

        long bytes = (long)wanted.Length * facts.Width * facts.Height * ImageFrame.Channels;
        if (bytes > options.MaxDecodedBytes)
        {
            throw new MediaFormatException(source.Path, $"{wanted.Length} frames of {facts.Width} x {facts.Height} pixels take {bytes} bytes; {options.MaxDecodedBytes} are allowed. Use a smaller film, or raise MediaOptions.MaxDecodedBytes.");
        }

        MediaTool ffmpeg = MediaTool.Find("ffmpeg", options, $"{source} is a film, which ffmpeg decodes");
        using MediaFile file = await source.OpenFileAsync(options.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        ToolRun<List<ImageFrame>> run = await RunAsync("-fps_mode passthrough").ConfigureAwait(false);
        if (run.ExitCode != 0 && run.Errors.Contains("fps_mode", StringComparison.Ordinal))
        {
            // The option's name before ffmpeg 5.1.
            run = await RunAsync("-vsync passthrough").ConfigureAwait(false);
        }

        List<ImageFrame> frames = run.Value;
        if (frames.Count == 0)
        {
            throw ToolMessage.Refuse("picture", run, source, file);
        }

        return [.. indices.Select(index => frames[Math.Min(Array.BinarySearch(wanted, index), frames.Count - 1)])];

        Task<ToolRun<List<ImageFrame>>> RunAsync(string everyFrame) => ToolRunner.RunAsync(
            ffmpeg, Arguments(file.Path, facts, wanted, everyFrame, options), source.Path, options.FFmpegTimeout, (output, ct) => ReadOutputAsync(output, facts, wanted, upright, ct), cancellationToken);
    }

    private static string Arguments(string path, FilmFacts facts, int[] wanted, string everyFrame, MediaOptions options)
    {
        // The scaler converts to RGB; it scales only in a film whose frames change their size midway. There the filters must not be set up anew
        // (reinit_filter), or the count of frames would begin again.
        string filter = string.Create(CultureInfo.InvariantCulture, $"select='{Selection(wanted)}',scale={facts.Width}:{facts.Height}:flags=bicubic,format=rgb24");
        int count = Ranges(wanted).Count <= MaxRanges ? wanted.Length : wanted[^1] - wanted[0] + 1;
        return FFMpegArguments
            .FromInput(new SafeInput(path), o => o.WithCustomArgument($"-nostdin -hide_banner -v error -noautorotate -reinit_filter 0 {InputGuard.Arguments(InputGuard.Formats, options.MaxPixels)}"))
            .OutputToUrl("pipe:1", o => o
                .WithCustomArgument($"-map 0:{facts.Stream} -vf {SafeInput.Quote(filter)} {everyFrame}")
                .WithFrameCount(count)
                .WithCustomArgument("-c:v rawvideo -f rawvideo"))
            .Arguments;
    }

    private static string Selection(int[] wanted)
    {
        List<(int First, int Last)> ranges = Ranges(wanted);
        ranges = ranges.Count <= MaxRanges ? ranges : [(wanted[0], wanted[^1])];
        return string.Join('+', ranges.Select(r => string.Create(CultureInfo.InvariantCulture, $"between(n,{r.First},{r.Last})")));
    }

    private static List<(int First, int Last)> Ranges(int[] wanted)
    {
        List<(int First, int Last)> ranges = [];
        foreach (int index in wanted)
        {
            if (ranges.Count > 0 && ranges[^1].Last == index - 1)
            {
                ranges[^1] = (ranges[^1].First, index);
            }
            else
            {
                ranges.Add((index, index));
            }
        }

        return ranges;
    }

    private static async Task<List<ImageFrame>> ReadOutputAsync(Stream output, FilmFacts facts, int[] wanted, bool upright, CancellationToken cancellationToken)
    {
        bool all = Ranges(wanted).Count > MaxRanges;
        int orientation = upright ? facts.Orientation : 1;
        List<ImageFrame> frames = [];
        byte[]? spare = null;
        for (int index = wanted[0]; frames.Count < wanted.Length; index++)
        {
            byte[] rgb = spare ?? GC.AllocateUninitializedArray<byte>(facts.Width * facts.Height * ImageFrame.Channels);
            if (await output.ReadAtLeastAsync(rgb, rgb.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < rgb.Length)
            {
                break;
            }

            spare = rgb;
            if (all && index != wanted[frames.Count])
            {
                continue;
            }

            if (orientation == 1)
            {
                frames.Add(ImageFrame.Own(rgb, facts.Width, facts.Height));
                spare = null;
            }
            else
            {
                frames.Add(Orientation.Pack(rgb, ImageFrame.Channels, facts.Width, facts.Height, orientation));
            }
        }

        return frames;
    }
}
