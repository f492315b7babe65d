namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>What a run of ffmpeg or ffprobe gave.</summary>
/// <param name="Value">What the caller read from its output.</param>
/// <param name="ExitCode">0 for success.</param>
/// <param name="Errors">The end of what it wrote to its error output.</param>
internal sealed record ToolRun<T>(T Value, int ExitCode, string Errors);
