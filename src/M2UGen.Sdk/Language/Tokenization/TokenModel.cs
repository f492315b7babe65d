namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>The vocabulary of a fast tokenizer and the rule by which a stretch of text becomes its tokens. Immutable and thread-safe.</summary>
internal abstract class TokenModel
{
    /// <summary>One more than the highest id.</summary>
    public abstract int Count { get; }

    /// <summary>The token with this id in [0, <see cref="Count"/>); null for an id that no token has.</summary>
    public abstract string? Piece(int id);

    /// <summary>The id of a token, or -1.</summary>
    public abstract int IdOf(string piece);

    /// <summary>Encodes a text (valid UTF-16, already normalised and split) and appends the ids.</summary>
    /// <exception cref="InvalidDataException">The vocabulary cannot spell the text.</exception>
    public abstract void Encode(string text, List<int> ids);
}
