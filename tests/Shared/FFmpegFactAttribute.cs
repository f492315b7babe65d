using Xunit;

namespace M2UGen.Testing;

/// <summary>A test that makes or reads media files with ffmpeg: skipped, with the reason, on a machine without it; on a build server it runs, and fails there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FFmpegFactAttribute : FactAttribute
{
    public FFmpegFactAttribute() => Skip = FFmpegTests.WhyNot;
}

/// <inheritdoc cref="FFmpegFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FFmpegTheoryAttribute : TheoryAttribute
{
    public FFmpegTheoryAttribute() => Skip = FFmpegTests.WhyNot;
}

/// <summary>Whether tests can use ffmpeg.</summary>
internal static class FFmpegTests
{
    /// <summary>Null where they can, or must.</summary>
    public static string? WhyNot { get; } = Environment.GetEnvironmentVariable("CI") is "true" || (IsOnPath("ffmpeg") && IsOnPath("ffprobe"))
        ? null
        : "ffmpeg is not on PATH. 'apt install ffmpeg', 'brew install ffmpeg' or 'winget install Gyan.FFmpeg' brings it.";

    private static bool IsOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, program)) || File.Exists(Path.Combine(folder, program + ".exe")));
}
