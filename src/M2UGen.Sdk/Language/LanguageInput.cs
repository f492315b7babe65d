namespace M2UGen.Sdk.Language;

/// <summary>What the language model is asked.</summary>
internal sealed record LanguageInput
{
    /// <summary>The user's words; the prompt template is put around them.</summary>
    public required string Instruction { get; init; }

    /// <summary>Turns that were said before, oldest first; those that fit the context stand before the instruction.</summary>
    public IReadOnlyList<PastTurn> History { get; init; } = [];

    /// <summary>How tokens are chosen.</summary>
    public required GenerationOptions Options { get; init; }

    /// <summary>Which habits of the reference are kept.</summary>
    public required Fidelity Fidelity { get; init; }

    /// <summary>Start of the random sequence.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Prompt tokens a model call, at most.</summary>
    public int PrefillChunkSize { get; init; } = 256;

    /// <summary>[prefix layers, dim] what the gated prefix adds (spec §4b); null: the bundle's constant for text-only requests.</summary>
    public ReadOnlyMemory<float>? Prefix { get; init; }
}

/// <summary>What the language model answered.</summary>
/// <param name="Text">For a reader.</param>
/// <param name="RawText">As the reference's generate() returns it.</param>
/// <param name="TokenIds">All chosen tokens.</param>
/// <param name="PromptTokenCount">Tokens of the prompt.</param>
/// <param name="ReusedTokenCount">Tokens of the prompt that an earlier request had read already.</param>
/// <param name="StopReason">Why there are no more.</param>
/// <param name="AudioTokenStates">[tokens, dim] hidden states behind the music tokens, or null where no music was asked for.</param>
internal sealed record LanguageOutput(
    string Text, string RawText, IReadOnlyList<int> TokenIds, int PromptTokenCount, int ReusedTokenCount, StopReason StopReason, float[]? AudioTokenStates);
