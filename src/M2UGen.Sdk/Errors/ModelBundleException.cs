namespace M2UGen.Sdk;

/// <summary>A bundle directory, or a file in it, is missing, damaged or of another version than this library reads.</summary>
public sealed class ModelBundleException : M2UGenException
{
    /// <summary>Creates the exception for the file or directory at <paramref name="path"/>.</summary>
    public ModelBundleException(string path, string message, Exception? innerException = null)
        : base(message, innerException) => Path = path;

    /// <summary>The bundle directory or the file in it that the message speaks of.</summary>
    public string Path { get; }
}
