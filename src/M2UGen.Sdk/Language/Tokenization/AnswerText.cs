using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// The answer's text as the reference's programs have it. What a reader sees of ours is made by <see cref="Generation.AnswerWriter"/>; the two ways
/// of showing it here are what the goldens hold.
/// </summary>
internal static class AnswerText
{
    private static readonly string Spaced = Tokens(' ');
    private static readonly string Adjoining = Tokens(null);

    /// <summary>The answer as the reference returns it (also the caption it gives to the music decoder): cut at the first line break and decoded, all tokens shown.</summary>
    public static string Raw(LlamaTextTokenizer tokenizer, ReadOnlySpan<int> generated)
    {
        int newline = generated.IndexOf(tokenizer.NewlineId);
        return tokenizer.Decode(newline < 0 ? generated : generated[..newline]);
    }

    /// <summary>What the reference's demo page shows: the eight tokens go where they stand in a row with single spaces.</summary>
    public static string ShownByDemo(string raw) => raw.Replace(Spaced, string.Empty, StringComparison.Ordinal);

    /// <summary>
    /// What the reference's inference.py prints: it looks for the eight tokens WITHOUT spaces, which decoding never gives, so nothing goes.
    /// </summary>
    public static string ShownByInference(string raw) => raw.Replace(Adjoining, string.Empty, StringComparison.Ordinal);

    private static string Tokens(char? separator)
    {
        StringBuilder text = new();
        for (int i = 0; i < LlamaTextTokenizer.AudioTokenCount; i++)
        {
            if (i > 0 && separator is { } c)
            {
                text.Append(c);
            }

            text.Append(CultureInfo.InvariantCulture, $"[AUD{i}]");
        }

        return text.ToString();
    }
}
