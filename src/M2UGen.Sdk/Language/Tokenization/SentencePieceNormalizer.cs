using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// SentencePiece's own normaliser: the character map by longest match (user-defined pieces pass untouched), the space in front, the white
/// space rules and ▁ for a space. Source: google/sentencepiece normalizer.cc.
/// </summary>
internal sealed class SentencePieceNormalizer
{
    private readonly CharsMap? _map;
    private readonly PieceTrie? _userDefined;
    private readonly bool _addDummyPrefix;
    private readonly bool _removeExtraWhitespaces;
    private readonly char _space;

    /// <summary>Prepares the normaliser of <paramref name="model"/>.</summary>
    /// <param name="model">The model whose settings count.</param>
    /// <param name="addDummyPrefix">Overrides the model's setting (the LLaMA tokenizer without its legacy behaviour switches it off).</param>
    /// <exception cref="InvalidDataException">The model's character map is damaged.</exception>
    public SentencePieceNormalizer(SentencePieceModel model, bool addDummyPrefix)
    {
        _map = CharsMap.Parse(model.PrecompiledCharsMap);
        _addDummyPrefix = addDummyPrefix;
        _removeExtraWhitespaces = model.RemoveExtraWhitespaces;
        _space = model.EscapeWhitespaces ? SentencePieceText.Space : ' ';
        for (int i = 0; i < model.Pieces.Count; i++)
        {
            if (model.Pieces[i].Type == PieceType.UserDefined)
            {
                (_userDefined ??= new PieceTrie()).Add(model.Pieces[i].Text, i);
            }
        }
    }

    /// <summary>The user-defined pieces, or null when there are none.</summary>
    public PieceTrie? UserDefined => _userDefined;

    /// <summary>Normalises a text; half surrogate pairs become U+FFFD.</summary>
    public string Normalize(ReadOnlySpan<char> text)
    {
        StringBuilder result = new(text.Length + 8);
        Span<char> unit = stackalloc char[2];
        ReadOnlySpan<char> rest = text;
        if (_removeExtraWhitespaces)
        {
            while (!rest.IsEmpty && Prefix(rest, unit, out int consumed) is [' '])
            {
                rest = rest[consumed..];
            }
        }

        if (rest.IsEmpty)
        {
            return string.Empty;
        }

        if (_addDummyPrefix)
        {
            result.Append(_space);
        }

        bool afterSpace = _removeExtraWhitespaces;
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<char> piece = Prefix(rest, unit, out int consumed);
            rest = rest[consumed..];
            while (afterSpace && piece is [' ', ..])
            {
                piece = piece[1..];
            }

            if (!piece.IsEmpty)
            {
                foreach (char c in piece)
                {
                    result.Append(c == ' ' ? _space : c);
                }

                afterSpace = piece[^1] == ' ';
            }

            afterSpace &= _removeExtraWhitespaces;
        }

        if (_removeExtraWhitespaces)
        {
            int end = result.Length;
            while (end > 0 && result[end - 1] == _space)
            {
                end--;
            }

            result.Length = end;
        }

        return result.ToString();
    }

    /// <summary>The normalised form of what <paramref name="rest"/> starts with; <paramref name="unit"/> holds a single character's copy.</summary>
    private ReadOnlySpan<char> Prefix(ReadOnlySpan<char> rest, Span<char> unit, out int consumed)
    {
        if (_userDefined is not null && _userDefined.Longest(rest, out consumed) >= 0)
        {
            return rest[..consumed];
        }

        if (_map is not null && Mapped(rest, out consumed) is { } mapped)
        {
            return mapped;
        }

        Rune.DecodeFromUtf16(rest, out Rune rune, out consumed);
        return unit[..rune.EncodeToUtf16(unit)];
    }

    private string? Mapped(ReadOnlySpan<char> rest, out int consumed)
    {
        // No entry of a real map is longer than a handful of characters; the window bounds the work per position.
        Span<byte> window = stackalloc byte[128];
        int filled = 0;
        int taken = 0;
        while (taken < rest.Length && filled + 4 <= window.Length)
        {
            Rune.DecodeFromUtf16(rest[taken..], out Rune rune, out int chars);
            filled += rune.EncodeToUtf8(window[filled..]);
            taken += chars;
        }

        if (!_map!.TryFind(window[..filled], shortest: false, out int length, out ReadOnlySpan<byte> replacement))
        {
            consumed = 0;
            return null;
        }

        consumed = 0;
        for (int bytes = 0; bytes < length;)
        {
            Rune.DecodeFromUtf16(rest[consumed..], out Rune rune, out int chars);
            bytes += rune.Utf8SequenceLength;
            consumed += chars;
        }

        return Encoding.UTF8.GetString(replacement);
    }
}
