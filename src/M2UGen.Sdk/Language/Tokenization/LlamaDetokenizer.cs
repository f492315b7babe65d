using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Decodes LLaMA tokens one at a time into a growing text; the text after <see cref="Complete"/> is that of transformers' slow
/// <c>LlamaTokenizer.decode</c>. Once its buffers have grown it allocates nothing. Not thread-safe; one instance a sequence.
/// </summary>
/// <remarks>
/// Runs of pieces and added tokens are joined by one space. A run's first piece loses its leading ▁ twice over: transformers takes one off
/// and looks the rest up again (a rest that is no piece shows as it is spelt), then SentencePiece drops another at the start of what it
/// decodes. With legacy behaviour a special token puts a space before the TEXT in front of it, not before itself.
/// Sources: transformers 4.35.2 tokenization_llama.py, tokenization_utils.py; sentencepiece_processor.cc.
/// </remarks>
internal sealed class LlamaDetokenizer(LlamaTextTokenizer tokenizer, bool skipSpecialTokens)
{
    private readonly bool _dropsLeadingSpace = tokenizer.AddDummyPrefix || tokenizer.Model.RemoveExtraWhitespaces;
    private readonly byte[] _bytes = new byte[4]; // of a character still incomplete
    private char[] _text = new char[64];
    private int _length;
    private int _byteCount;
    private bool _hasParts; // something was joined before the current run
    private bool _runOpen;
    private bool _runHasText;
    private int _runTokens;
    private bool _afterSpecial;
    private int _segmentStart; // where the text since the run's last special token begins
    private bool _segmentHasBytes;
    private bool _segmentAtStart = true; // SentencePiece's is_bos_ws
    private bool _droppedSpace; // SentencePiece's bos_ws_seen

    /// <summary>The text so far, without the bytes of an incomplete character.</summary>
    public ReadOnlySpan<char> Text => _text.AsSpan(0, _length);

    /// <summary>
    /// How many characters of <see cref="Text"/> nothing that follows can change. Less than all of them only where a special token of a
    /// legacy tokenizer may still put a space before the current piece of text.
    /// </summary>
    public int SettledLength =>
        tokenizer.Legacy && !skipSpecialTokens && _runOpen ? Math.Min(_segmentStart, _length) : _length;

    /// <summary>Leaves out the space that a special token puts before the text in front of it, so that the text only ever grows.</summary>
    public bool OnlyAppend { get; init; }

    /// <summary>Starts a new sequence.</summary>
    public void Reset()
    {
        _length = 0;
        _byteCount = 0;
        _hasParts = false;
        _runOpen = false;
        _runHasText = false;
    }

    /// <summary>Adds one token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is no token.</exception>
    public void Push(int id)
    {
        TokenKind kind = tokenizer.KindOf(id);
        if (skipSpecialTokens && kind is TokenKind.Special or TokenKind.StandaloneSpecial)
        {
            return;
        }

        if (kind is TokenKind.Standalone or TokenKind.StandaloneSpecial)
        {
            PushStandalone(tokenizer.TextOf(id));
            return;
        }

        if (!_runOpen)
        {
            _runOpen = true;
            _runHasText = false;
            _runTokens = 0;
            _afterSpecial = false;
            BeginSegment();
        }

        if (kind == TokenKind.Special)
        {
            PushSpecial(tokenizer.TextOf(id));
        }
        else
        {
            PushPiece(id);
        }

        _runTokens++;
    }

    /// <summary>Ends the sequence: what was held back comes out.</summary>
    public void Complete()
    {
        if (!_runOpen)
        {
            return;
        }

        FlushBytes();
        if (!_runHasText && _hasParts)
        {
            Put(' '); // the join puts its space even before an empty last run
        }
    }

    private void PushStandalone(string text)
    {
        if (_runOpen)
        {
            FlushBytes();
            _hasParts |= _runHasText;
            _runOpen = false;
        }

        if (_hasParts)
        {
            Put(' ');
        }

        foreach (char c in text)
        {
            Put(c);
        }

        _hasParts = true;
    }

    private void PushSpecial(string text)
    {
        FlushBytes();
        if (!_afterSpecial && _runTokens > 0 && tokenizer.Legacy && !OnlyAppend)
        {
            InsertBeforeSegment();
        }

        foreach (char c in text)
        {
            PutInRun(c);
        }

        _afterSpecial = true;
        BeginSegment();
    }

    private void PushPiece(int id)
    {
        _afterSpecial = false;
        ReadOnlySpan<char> piece = tokenizer.TextOf(id);
        if (_runTokens == 0 && piece is [SentencePieceText.Space, ..])
        {
            piece = piece[1..];
        }

        int pieceId = tokenizer.Encoder.PieceToId(piece);
        PieceType type = tokenizer.Model.Pieces[pieceId].Type;
        if (type == PieceType.Byte && SentencePieceText.ByteOf(piece) is >= 0 and int value)
        {
            PushByte((byte)value);
            return;
        }

        FlushBytes();
        if (_droppedSpace || _segmentHasBytes || HasSegmentText)
        {
            _segmentAtStart = false;
        }

        _droppedSpace = false;
        switch (type)
        {
            case PieceType.Control:
                break;
            case PieceType.Unknown:
                foreach (char c in piece.SequenceEqual(tokenizer.Model.Pieces[pieceId].Text) ? tokenizer.Model.UnknownSurface : piece)
                {
                    PutInRun(c);
                }

                break;
            default:
                if (_segmentAtStart && _dropsLeadingSpace && piece is [SentencePieceText.Space, ..])
                {
                    piece = piece[1..];
                    _droppedSpace = !tokenizer.Model.RemoveExtraWhitespaces;
                }

                foreach (char c in piece)
                {
                    PutInRun(c == SentencePieceText.Space ? ' ' : c);
                }

                break;
        }
    }

    private bool HasSegmentText => _runHasText && _length > _segmentStart;

    private void PushByte(byte value)
    {
        _segmentHasBytes = true;
        _bytes[_byteCount++] = value;
        while (_byteCount > 0)
        {
            switch (Rune.DecodeFromUtf8(_bytes.AsSpan(0, _byteCount), out Rune rune, out _))
            {
                case System.Buffers.OperationStatus.Done:
                    PutRune(rune);
                    RemoveBytes(rune.Utf8SequenceLength);
                    break;
                case System.Buffers.OperationStatus.NeedMoreData:
                    return;
                default:
                    // SentencePiece gives up one byte at a time, not the longest broken sequence.
                    PutInRun('\uFFFD');
                    RemoveBytes(1);
                    break;
            }
        }
    }

    private void FlushBytes()
    {
        // What is left can only be the start of a character: each of its bytes shows by itself.
        for (; _byteCount > 0; _byteCount--)
        {
            PutInRun('\uFFFD');
        }
    }

    private void RemoveBytes(int count)
    {
        _bytes.AsSpan(count, _byteCount - count).CopyTo(_bytes);
        _byteCount -= count;
    }

    private void BeginSegment()
    {
        _segmentStart = _length;
        _segmentHasBytes = false;
        _segmentAtStart = true;
        _droppedSpace = false;
    }

    private void InsertBeforeSegment()
    {
        if (!_runHasText)
        {
            PutInRun(' ');
            return;
        }

        Put(' ');
        _text.AsSpan(_segmentStart, _length - 1 - _segmentStart).CopyTo(_text.AsSpan(_segmentStart + 1));
        _text[_segmentStart] = ' ';
    }

    private void PutRune(Rune rune)
    {
        Span<char> chars = stackalloc char[2];
        int count = rune.EncodeToUtf16(chars);
        foreach (char c in chars[..count])
        {
            PutInRun(c);
        }
    }

    private void PutInRun(char c)
    {
        if (!_runHasText)
        {
            if (_hasParts)
            {
                Put(' ');
            }

            _runHasText = true;
            _segmentStart = _length;
        }

        Put(c);
    }

    private void Put(char c)
    {
        if (_length == _text.Length)
        {
            Array.Resize(ref _text, _length * 2);
        }

        _text[_length++] = c;
    }
}
