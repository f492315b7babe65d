namespace M2UGen.Sdk;

/// <summary>A model call failed inside the runtime; the inner exception is the runtime's own.</summary>
public sealed class InferenceException : M2UGenException
{
    /// <summary>Creates the exception for a failed call of <paramref name="component"/>.</summary>
    public InferenceException(string component, string message, Exception? innerException = null)
        : base(message, innerException) => Component = component;

    /// <summary>The component's name in bundle.json.</summary>
    public string Component { get; }
}
