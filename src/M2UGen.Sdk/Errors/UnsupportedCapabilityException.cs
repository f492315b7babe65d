namespace M2UGen.Sdk;

/// <summary>What was asked for is not there: an answer of a bundle without a language model, a melody of a model that cannot follow one, an execution provider that the application's runtime lacks.</summary>
public sealed class UnsupportedCapabilityException : M2UGenException
{
    /// <summary>Creates the exception.</summary>
    public UnsupportedCapabilityException(string capability, string message)
        : base(message) => Capability = capability;

    /// <summary>What was asked for, in a word or two, such as "text answers" or "audio prompt".</summary>
    public string Capability { get; }
}
