namespace M2UGen.Sdk;

/// <summary>What the language model answered. Plain data; safe to share.</summary>
public sealed record AnswerResult
{
    /// <summary>The answer for a reader: without the text of the music tokens, and without white space at its ends.</summary>
    public required string Text { get; init; }

    /// <summary>The answer as the reference's generate() returns it: with the literal "[AUD0] … [AUD7]" where the model wrote them.</summary>
    public required string RawText { get; init; }

    /// <summary>Every token the model chose, the stop sequence and whatever the text leaves out included.</summary>
    public required IReadOnlyList<int> TokenIds { get; init; }

    /// <summary>Tokens of the prompt, the template's included.</summary>
    public required int PromptTokenCount { get; init; }

    /// <summary>Why the model stopped.</summary>
    public required StopReason StopReason { get; init; }

    /// <summary>Whether the model asked for music, by a complete set of its music tokens.</summary>
    public required bool AsksForMusic { get; init; }

    /// <summary>Everything needed to make this result again.</summary>
    public required ResultManifest Manifest { get; init; }

    /// <summary>The seed that the tokens were drawn with: the request's, or the one chosen for it.</summary>
    public ulong Seed => Manifest.Seed;

    /// <summary>[tokens, dim] hidden states before the final norm at the positions that predicted [AUD0], [AUD1], …; null without <see cref="AsksForMusic"/>.</summary>
    internal float[]? AudioTokenStates { get; init; }
}
