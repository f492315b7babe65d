using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>A step that changes text before it is cut into pieces. Immutable and thread-safe.</summary>
internal abstract class TextNormalizer
{
    /// <summary>Normalises valid UTF-16 text.</summary>
    public abstract string Apply(string text);
}

/// <summary>Several normalisers in order; none of them is a sequence itself.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<TextNormalizer> steps) : TextNormalizer
{
    // Far more than any real pipeline adds; without a limit a few replacements of one character by many would fill the memory.
    private const int Growth = 16;
    private const int Allowance = 200_000;

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The steps blow the text up.</exception>
    public override string Apply(string text)
    {
        string current = text;
        foreach (TextNormalizer step in steps)
        {
            current = step.Apply(current);
            if (current.Length > ((long)Growth * text.Length) + Allowance)
            {
                throw new InvalidDataException($"its normalizer makes {current.Length} characters of {text.Length}");
            }
        }

        return current;
    }
}

/// <summary>
/// The compiled character map as the Rust tokenizers apply it: grapheme by grapheme while those are shorter than six bytes, else character
/// by character, and always the SHORTEST entry, which then stands for the whole grapheme (so SentencePiece gives other results at times).
/// Source: huggingface/tokenizers normalizers/precompiled.rs.
/// </summary>
internal sealed class PrecompiledNormalizer(CharsMap map) : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        StringBuilder result = new(text.Length);
        ReadOnlySpan<char> rest = text;
        Span<byte> utf8 = stackalloc byte[8];
        Span<char> chars = stackalloc char[2];
        while (!rest.IsEmpty)
        {
            int length = StringInfo.GetNextTextElementLength(rest);
            ReadOnlySpan<char> grapheme = rest[..length];
            rest = rest[length..];

            // Six bytes are at least two characters, so longer graphemes need no counting.
            if (length < 6 && Encoding.UTF8.GetByteCount(grapheme) is < 6 and int bytes
                && map.TryFind(utf8[..Encoding.UTF8.GetBytes(grapheme, utf8[..bytes])], shortest: true, out _, out ReadOnlySpan<byte> whole))
            {
                result.Append(Encoding.UTF8.GetString(whole));
                continue;
            }

            foreach (Rune rune in grapheme.EnumerateRunes())
            {
                int count = rune.EncodeToUtf8(utf8);
                if (map.TryFind(utf8[..count], shortest: true, out _, out ReadOnlySpan<byte> replacement))
                {
                    result.Append(Encoding.UTF8.GetString(replacement));
                }
                else
                {
                    result.Append(chars[..rune.EncodeToUtf16(chars)]);
                }
            }
        }

        return result.ToString();
    }
}

/// <summary>Replaces a literal text, or runs of one character of at least a given length.</summary>
internal sealed class ReplaceNormalizer(string pattern, int leastRun, string replacement) : TextNormalizer
{
    /// <summary>A normaliser that replaces a literal text.</summary>
    public static ReplaceNormalizer Literal(string text, string replacement) => new(text, 0, replacement);

    /// <summary>A normaliser that replaces runs of <paramref name="c"/> at least <paramref name="leastRun"/> long.</summary>
    public static ReplaceNormalizer Run(char c, int leastRun, string replacement) => new(c.ToString(), leastRun, replacement);

    /// <inheritdoc/>
    public override string Apply(string text)
    {
        if (leastRun == 0)
        {
            return pattern.Length == 0 ? text : text.Replace(pattern, replacement, StringComparison.Ordinal);
        }

        StringBuilder result = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int end = at;
            while (end < text.Length && text[end] == pattern[0])
            {
                end++;
            }

            if (end - at >= leastRun)
            {
                result.Append(replacement);
                at = end;
            }
            else
            {
                end = Math.Max(end, at + 1);
                result.Append(text, at, end - at);
                at = end;
            }
        }

        return result.ToString();
    }
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Lower case, character by character.</summary>
internal sealed class LowercaseNormalizer : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => text.ToLowerInvariant();
}

/// <summary>Puts a text in front of every text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Removes combining marks.</summary>
internal sealed class StripAccentsNormalizer : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        StringBuilder result = new(text.Length);
        Span<char> chars = stackalloc char[2];
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark))
            {
                result.Append(chars[..rune.EncodeToUtf16(chars)]);
            }
        }

        return result.ToString();
    }
}

/// <summary>One of the four normal forms of Unicode.</summary>
internal sealed class UnicodeNormalizer : TextNormalizer
{
    private readonly NormalizationForm _form;

    /// <summary>Prepares the form.</summary>
    /// <exception cref="InvalidDataException">The process runs without Unicode's tables (globalization-invariant mode).</exception>
    public UnicodeNormalizer(NormalizationForm form)
    {
        _form = form;
        if ("e\u0301".Normalize(NormalizationForm.FormC) != "\u00e9")
        {
            throw new InvalidDataException(
                $"it asks for Unicode normalisation ({form}), which this process cannot do: switch InvariantGlobalization off, or use a tokenizer with a precompiled map");
        }
    }

    /// <inheritdoc/>
    public override string Apply(string text) => text.Normalize(_form);
}

/// <summary>The control characters that go and the separators that become spaces in "nmt" normalisation.</summary>
internal sealed class NmtNormalizer : TextNormalizer
{
    /// <inheritdoc/>
    public override string Apply(string text)
    {
        StringBuilder result = new(text.Length);
        foreach (char c in text)
        {
            if (c is (>= '\u0001' and <= '\u0008') or '\u000B' or (>= '\u000E' and <= '\u001F') or '\u007F' or '\u008F' or '\u009F')
            {
                continue;
            }

            bool space = c is '\u0009' or '\u000A' or '\u000C' or '\u000D' or '\u1680' or (>= '\u200B' and <= '\u200F')
                or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
            result.Append(space ? ' ' : c);
        }

        return result.ToString();
    }
}
