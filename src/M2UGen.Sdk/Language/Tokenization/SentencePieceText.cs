namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>Characters with a meaning of their own in SentencePiece vocabularies.</summary>
internal static class SentencePieceText
{
    /// <summary>▁, which stands for a space.</summary>
    public const char Space = '\u2581';

    /// <summary>The byte that a piece such as <c>&lt;0x0A&gt;</c> stands for, or -1.</summary>
    public static int ByteOf(ReadOnlySpan<char> piece) =>
        piece is ['<', '0', 'x', _, _, '>'] && byte.TryParse(
            piece[3..5], System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out byte value)
            ? value
            : -1;
}
