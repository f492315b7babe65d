namespace M2UGen.Sdk;

/// <summary>Why the language model stopped writing.</summary>
public enum StopReason
{
    /// <summary>The answer's last three tokens read "\n###".</summary>
    StopSequence = 0,

    /// <summary>The end-of-sequence token (see <see cref="Fidelity.StopAtEndOfSequence"/>).</summary>
    EndOfSequence = 1,

    /// <summary><see cref="GenerationOptions.MaxNewTokens"/> were written, or prompt and answer fill the model's context.</summary>
    LengthLimit = 2,
}
