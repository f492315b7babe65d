using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Cuts added tokens out of a text as the Rust tokenizers do: leftmost and longest, with the flags for whole words and for swallowing white
/// space. Source: huggingface/tokenizers added_vocabulary.rs, <c>find_matches</c>.
/// </summary>
internal sealed class AddedTokenMatcher
{
    private readonly PieceTrie _trie = new();
    private readonly List<AddedToken> _tokens = [];

    /// <summary>Prepares the matcher for tokens that are looked for by <paramref name="pattern"/> of each.</summary>
    public AddedTokenMatcher(IEnumerable<AddedToken> tokens, Func<AddedToken, string> pattern)
    {
        foreach (AddedToken token in tokens)
        {
            string text = pattern(token);
            if (text.Length > 0)
            {
                _trie.Add(text, _tokens.Count);
                _tokens.Add(token);
            }
        }
    }

    /// <summary>Cuts a text.</summary>
    public List<TextPart> Split(string text)
    {
        List<TextPart> parts = [];
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            int found = _trie.Longest(text.AsSpan(at), out int length);
            if (found < 0)
            {
                at++;
                continue;
            }

            AddedToken token = _tokens[found];
            int start = at;
            int stop = at + length;
            at = stop;
            if (token.SingleWord && (TouchesWord(text, start, before: true) || TouchesWord(text, stop, before: false)))
            {
                continue;
            }

            while (token.LeftStrip && start > done && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (token.RightStrip && stop < text.Length && char.IsWhiteSpace(text[stop]))
            {
                stop++;
            }

            if (start > done)
            {
                parts.Add(new TextPart(text[done..start]));
            }

            parts.Add(new TextPart(text[start..stop], token.Id));
            done = stop;
            at = Math.Max(at, stop);
        }

        if (done < text.Length)
        {
            parts.Add(new TextPart(text[done..]));
        }

        return parts;
    }

    private static bool TouchesWord(string text, int at, bool before)
    {
        Rune rune;
        if (before)
        {
            if (Rune.DecodeLastFromUtf16(text.AsSpan(0, at), out rune, out _) != System.Buffers.OperationStatus.Done)
            {
                return false;
            }
        }
        else if (Rune.DecodeFromUtf16(text.AsSpan(at), out rune, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        return rune.Value is 0x200C or 0x200D || Rune.GetUnicodeCategory(rune) is
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.ConnectorPunctuation;
    }
}
