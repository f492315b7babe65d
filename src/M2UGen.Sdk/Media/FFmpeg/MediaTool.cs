namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>One of ffmpeg's programs on this machine.</summary>
/// <param name="Name">"ffmpeg" or "ffprobe".</param>
/// <param name="Path">The program's file.</param>
internal sealed record MediaTool(string Name, string Path)
{
    private const string Install = "Install ffmpeg with its ffprobe (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install ffmpeg; macOS: brew install ffmpeg; Windows: winget install Gyan.FFmpeg), or set MediaOptions.FFmpegPath. WAV files need none.";

    /// <summary>Finds a program: beside <see cref="MediaOptions.FFmpegPath"/>, or as the first of that name on PATH.</summary>
    /// <param name="name">"ffmpeg" or "ffprobe".</param>
    /// <param name="options">Where to look.</param>
    /// <param name="need">What it is needed for, to begin the message: "'song.flac' is a FLAC file, which ffmpeg decodes".</param>
    /// <exception cref="MediaToolException">There is none.</exception>
    public static MediaTool Find(string name, MediaOptions options, string need)
    {
        string file = OperatingSystem.IsWindows() ? $"{name}.exe" : name;
        if (options.FFmpegPath is { } given)
        {
            string path = Directory.Exists(given) ? System.IO.Path.Combine(given, file)
                : name == "ffmpeg" ? given
                : System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(given)) ?? ".", file);
            return File.Exists(path)
                ? new MediaTool(name, System.IO.Path.GetFullPath(path))
                : throw new MediaToolException(name, $"{need}, but there is no '{path}' (MediaOptions.FFmpegPath is '{given}'). {Install}");
        }

        return OnPath(file) is { } found
            ? new MediaTool(name, found)
            : throw new MediaToolException(name, $"{need}, but no '{file}' is in any directory of PATH. {Install}");
    }

    /// <summary>The exception for a program that is there and does not start.</summary>
    public MediaToolException NotStarted(Exception inner) => new(Name, $"'{Path}' cannot be started: {inner.Message}. {Install}", inner);

    private static string? OnPath(string file)
    {
        foreach (string directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // An entry that is no absolute directory would find programs in whatever directory the application happens to work in.
            if (System.IO.Path.IsPathFullyQualified(directory) && System.IO.Path.Combine(directory, file) is string path && IsProgram(path))
            {
                return path;
            }
        }

        return null;
    }

    private static bool IsProgram(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
}
