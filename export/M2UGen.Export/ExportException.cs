using M2UGen.Sdk;

namespace M2UGen.Export;

/// <summary>A bundle could not be made for a reason that lies outside the checkpoint: the target, the disk, or switches that contradict each other.</summary>
public sealed class ExportException : M2UGenException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">What it is about.</param>
    /// <param name="message">What is wrong and what to do.</param>
    /// <param name="innerException">The cause, or null.</param>
    public ExportException(string path, string message, Exception? innerException = null)
        : base(message, innerException) => Path = path;

    /// <summary>The file or directory it is about.</summary>
    public string Path { get; }
}
