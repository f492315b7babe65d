namespace M2UGen.Sdk;

/// <summary>A media file or stream is damaged, of a kind this library does not read, or beyond the limits set for it.</summary>
public sealed class MediaFormatException : M2UGenException
{
    /// <summary>Creates the exception; <paramref name="path"/> is null for streams and bytes.</summary>
    public MediaFormatException(string? path, string message, Exception? innerException = null)
        : base(path is null ? message : $"'{path}': {message}", innerException) => Path = path;

    /// <summary>The file, or null where the media came from a stream or from memory.</summary>
    public string? Path { get; }
}
