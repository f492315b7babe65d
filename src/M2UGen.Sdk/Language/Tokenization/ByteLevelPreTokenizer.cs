using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Cuts text into words, numbers, punctuation and white space, a space in front belonging to the word, and spells each part's bytes.
/// </summary>
/// <remarks>
/// This is the expression <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> by hand, in one pass: an
/// alternative is chosen by its first character or two, and none gives anything back but the last white space before a word.
/// Sources: GPT-2 encoder.py; huggingface/tokenizers pre_tokenizers/byte_level.rs.
/// </remarks>
/// <param name="addPrefixSpace">Whether a stretch of text that does not start with a space gets one.</param>
/// <param name="splits">Whether text is cut at all (<c>use_regex</c>).</param>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool splits = true) : PreTokenizer
{
    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>The same with another rule for the space in front.</summary>
    public ByteLevelPreTokenizer WithPrefixSpace(bool add) => new(add, splits);

    /// <inheritdoc/>
    public override List<TextPart> Split(List<TextPart> parts)
    {
        List<TextPart> result = [];
        foreach (TextPart part in parts)
        {
            if (part.IsToken || part.Text.Length == 0)
            {
                result.AddRange(part.IsToken ? [part] : []);
                continue;
            }

            string text = addPrefixSpace && part.Text[0] != ' ' ? ' ' + part.Text : part.Text;
            int length;
            for (int at = 0; at < text.Length; at += length)
            {
                length = splits ? LengthOfPart(text.AsSpan(at)) : text.Length;
                result.Add(new TextPart(ByteLevelAlphabet.Spell(text.AsSpan(at, length))));
            }
        }

        return result;
    }

    private static int LengthOfPart(ReadOnlySpan<char> text)
    {
        int contraction = text switch
        {
            ['\'', 's' or 't' or 'm' or 'd', ..] => 2,
            ['\'', 'r' or 'v', 'e', ..] or ['\'', 'l', 'l', ..] => 3,
            _ => 0,
        };
        if (contraction > 0)
        {
            return contraction;
        }

        int start = text is [' ', _, ..] ? 1 : 0;
        Kind kind = KindAt(text[start..], out int first);
        if (kind != Kind.Space)
        {
            return start + RunOf(kind, text[start..], out _);
        }

        // White space: the whole run at the end of the text, else all but its last character, which belongs to what follows if it is a space.
        int run = RunOf(Kind.Space, text, out int last);
        return run == text.Length || run == last ? run : run - last;
    }

    /// <summary>Length of the run of characters of a kind that the text starts with, and of the last of them.</summary>
    private static int RunOf(Kind kind, ReadOnlySpan<char> text, out int last)
    {
        int length = 0;
        last = 0;
        while (length < text.Length && KindAt(text[length..], out int next) == kind)
        {
            last = next;
            length += next;
        }

        return length;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, out int length)
    {
        Rune.DecodeFromUtf16(text, out Rune rune, out length);
        return Rune.IsWhiteSpace(rune) ? Kind.Space : Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
