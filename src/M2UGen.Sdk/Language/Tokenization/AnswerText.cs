using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>Turns the generated tokens into the answer's text, with the audio tokens in it or without.</summary>
internal static class AnswerText
{
    private static readonly string Spaced = Tokens(' ');
    private static readonly string Adjoining = Tokens(null);

    /// <summary>How many of the generated tokens are the answer: those before the first line break.</summary>
    public static int CutLength(ReadOnlySpan<int> generated, int newlineId)
    {
        int at = generated.IndexOf(newlineId);
        return at < 0 ? generated.Length : at;
    }

    /// <summary>The answer as the reference returns it (also the caption it gives to the music decoder): cut and decoded, all tokens shown.</summary>
    public static string Raw(LlamaTextTokenizer tokenizer, ReadOnlySpan<int> generated) =>
        tokenizer.Decode(generated[..CutLength(generated, tokenizer.NewlineId)]);

    /// <summary>What the reference's demo page shows: the eight tokens go where they stand in a row with single spaces.</summary>
    public static string ShownByDemo(string raw) => raw.Replace(Spaced, string.Empty, StringComparison.Ordinal);

    /// <summary>
    /// What the reference's inference.py prints: it looks for the eight tokens WITHOUT spaces, which decoding never gives, so nothing goes.
    /// </summary>
    public static string ShownByInference(string raw) => raw.Replace(Adjoining, string.Empty, StringComparison.Ordinal);

    /// <summary>
    /// Ours: every audio token goes wherever it stands, with the space that joined it, and the ends are trimmed.
    /// </summary>
    public static string Clean(string raw)
    {
        StringBuilder text = new(raw.Length);
        for (int at = 0; at < raw.Length;)
        {
            if (IsAudioToken(raw.AsSpan(at)))
            {
                at += "[AUD0]".Length;
                if (text.Length > 0 && text[^1] == ' ')
                {
                    text.Length--;
                }
            }
            else
            {
                text.Append(raw[at++]);
            }
        }

        return text.ToString().Trim();
    }

    private static bool IsAudioToken(ReadOnlySpan<char> text) =>
        text is ['[', 'A', 'U', 'D', >= '0', ']', ..] && text[4] < '0' + LlamaTextTokenizer.AudioTokenCount;

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
