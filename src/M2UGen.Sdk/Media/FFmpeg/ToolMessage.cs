using System.Text.RegularExpressions;

namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>What ffmpeg said, as the end of a sentence.</summary>
internal static partial class ToolMessage
{
    private const int MaxLines = 3;
    private const int MaxCharacters = 400;

    /// <summary>The exception for a file that ffmpeg could not read.</summary>
    /// <param name="what">What it should have been, such as "sound".</param>
    /// <param name="run">The failed run.</param>
    /// <param name="source">Where the file comes from.</param>
    /// <param name="file">The file that ffmpeg saw.</param>
    public static MediaFormatException Refuse<T>(string what, ToolRun<T> run, MediaSource source, MediaFile file)
    {
        if (run.Errors.Contains("not on whitelist", StringComparison.Ordinal))
        {
            return new MediaFormatException(source.Path, $"its contents are of a format that is not read as {what} (playlists and lists of files are none, for they could name any file or address). Use a file that holds the {what} itself.");
        }

        if (OverPixelLimit(run.Errors, source) is { } tooLarge)
        {
            return tooLarge;
        }

        return new MediaFormatException(source.Path, $"no {what} could be read from it; it is damaged or of a format unknown to the installed ffmpeg, which says{Said(run, file)}.");
    }

    /// <summary>What it said, as the end of "ffmpeg says".</summary>
    public static string Said<T>(ToolRun<T> run, MediaFile file)
    {
        string said = Clean(run.Errors, file.Path);
        return said.Length == 0 ? $" nothing and ended with status {run.ExitCode}" : $": {said}";
    }

    /// <summary>The exception for pictures that are larger than <see cref="MediaOptions.MaxPixels"/>, at which ffmpeg does not always end as failed; null if it said nothing of that.</summary>
    public static MediaFormatException? OverPixelLimit(string errors, MediaSource source)
    {
        Match match = PixelLimit().Match(errors);
        return match.Success
            ? new MediaFormatException(source.Path, $"its pictures have {match.Groups[1].Value} x {match.Groups[2].Value} pixels; {match.Groups[3].Value} pixels are allowed. Use smaller ones, or raise MediaOptions.MaxPixels.")
            : null;
    }

    private static string Clean(string errors, string path)
    {
        string[] lines = errors.Replace($"file:{path}", "the input", StringComparison.Ordinal).Replace(path, "the input", StringComparison.Ordinal)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string said = string.Join("; ", lines.Select(l => Context().Replace(l, "").TrimEnd('.')).Distinct().TakeLast(MaxLines));
        return said.Length <= MaxCharacters ? said : $"{said[..MaxCharacters]}…";
    }

    [GeneratedRegex(@"Picture size (\d+)x(\d+) exceeds specified max pixel count (\d+)")]
    private static partial Regex PixelLimit();

    // "[mov,mp4,m4a @ 0x55a56c3fee40] "
    [GeneratedRegex(@"^(\[[^\]]* @ 0x[0-9a-fA-F]+\]\s*)+")]
    private static partial Regex Context();
}
