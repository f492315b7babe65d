namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>What a fast tokenizer is made of, whichever file it came from.</summary>
internal sealed record FastTokenizerParts
{
    /// <summary>The file, for messages.</summary>
    public required string Path { get; init; }

    /// <summary>The vocabulary and its scores.</summary>
    public required UnigramModel Model { get; init; }

    /// <summary>Changes the text first; null for nothing.</summary>
    public TextNormalizer? Normalizer { get; init; }

    /// <summary>Cuts the text; null for not at all.</summary>
    public PreTokenizer? PreTokenizer { get; init; }

    /// <summary>Tokens that the file adds.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Ids in front of every sequence.</summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    /// <summary>Ids behind every sequence.</summary>
    public IReadOnlyList<int> After { get; init; } = [];

    /// <summary>Joins tokens to text; null where the file asks for a decoder that is not supported.</summary>
    public TokenJoiner? Joiner { get; init; }
}

/// <summary>Joins tokens: a space's sign becomes a space, at the start of the text nothing; without a sign tokens are joined by spaces.</summary>
/// <param name="Replacement">The sign for a space, or null.</param>
/// <param name="DropsFirst">Whether the signs of the first token go.</param>
internal sealed record TokenJoiner(char? Replacement, bool DropsFirst)
{
    /// <summary>Joins the tokens.</summary>
    public string Join(IReadOnlyList<string> tokens)
    {
        if (Replacement is not { } sign)
        {
            return string.Join(' ', tokens);
        }

        return string.Concat(tokens.Select((token, i) =>
            i == 0 && DropsFirst ? token.Replace(sign.ToString(), string.Empty, StringComparison.Ordinal) : token.Replace(sign, ' ')));
    }
}
