namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>What a fast tokenizer is made of, whichever file it came from.</summary>
internal sealed record FastTokenizerParts
{
    /// <summary>The file, for messages.</summary>
    public required string Path { get; init; }

    /// <summary>The vocabulary and how text becomes its tokens.</summary>
    public required TokenModel Model { get; init; }

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
