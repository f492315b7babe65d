namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Removes the spaces that simple English detokenization leaves before punctuation and contractions
/// (transformers <c>clean_up_tokenization</c>, in its order).
/// </summary>
internal static class TextCleanUp
{
    /// <summary>Returns the cleaned text.</summary>
    public static string Apply(string text) => text
        .Replace(" .", ".", StringComparison.Ordinal)
        .Replace(" ?", "?", StringComparison.Ordinal)
        .Replace(" !", "!", StringComparison.Ordinal)
        .Replace(" ,", ",", StringComparison.Ordinal)
        .Replace(" ' ", "'", StringComparison.Ordinal)
        .Replace(" n't", "n't", StringComparison.Ordinal)
        .Replace(" 'm", "'m", StringComparison.Ordinal)
        .Replace(" 's", "'s", StringComparison.Ordinal)
        .Replace(" 've", "'ve", StringComparison.Ordinal)
        .Replace(" 're", "'re", StringComparison.Ordinal);
}
