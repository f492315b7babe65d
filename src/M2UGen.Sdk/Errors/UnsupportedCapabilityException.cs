namespace M2UGen.Sdk;

/// <summary>The loaded bundle has no component for what was asked, for example an answer from a bundle without a language model.</summary>
public sealed class UnsupportedCapabilityException : M2UGenException
{
    /// <summary>Creates the exception.</summary>
    public UnsupportedCapabilityException(string capability, string message)
        : base(message) => Capability = capability;

    /// <summary>What was asked for, in a word or two, such as "text answers" or "audio prompt".</summary>
    public string Capability { get; }
}
