namespace M2UGen.Sdk;

/// <summary>A program that reads media files (ffmpeg, ffprobe) is missing or cannot be run; the message says how to install it.</summary>
public sealed class MediaToolException : M2UGenException
{
    /// <summary>Creates the exception for the program named <paramref name="tool"/>.</summary>
    public MediaToolException(string tool, string message, Exception? innerException = null)
        : base(message, innerException) => Tool = tool;

    /// <summary>The program: "ffmpeg" or "ffprobe".</summary>
    public string Tool { get; }
}
