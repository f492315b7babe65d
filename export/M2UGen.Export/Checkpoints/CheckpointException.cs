using M2UGen.Sdk;

namespace M2UGen.Export.Checkpoints;

/// <summary>A checkpoint file is damaged, of a kind that is not read, asks for code to run, or lacks tensors that a model needs.</summary>
public sealed class CheckpointException : M2UGenException
{
    /// <summary>Creates the exception; the message is <paramref name="reason"/> with the path in front.</summary>
    public CheckpointException(string path, string reason, Exception? innerException = null)
        : base($"'{path}': {reason}", innerException) => Path = path;

    /// <summary>The file or directory that could not be read.</summary>
    public string Path { get; }
}
