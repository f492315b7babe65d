namespace M2UGen.Sdk.Language;

/// <summary>A turn that was said before.</summary>
/// <param name="Instruction">What the user said.</param>
/// <param name="Answer">What the model answered, for a reader.</param>
internal sealed record PastTurn(string Instruction, string Answer);
