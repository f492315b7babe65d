using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Language.Generation;

/// <summary>
/// Decides after each token whether an answer ends: when the last three tokens decode to "\n###" (reference m2ugen.py <c>generate</c>; the
/// prompt's tokens count among the three), and, unless the reference's behaviour is wanted, at the end-of-sequence token. The length limit
/// is the loop's business. Allocates nothing per token; not thread-safe, one instance a request.
/// </summary>
internal sealed class StopRule
{
    private const string Marker = "\n###";

    private readonly LlamaTextTokenizer _tokenizer;
    private readonly LlamaDetokenizer _detokenizer;
    private readonly bool _stopAtEndOfSequence;
    private readonly bool[] _mayTakePart;
    private int _first = -1;
    private int _second = -1;
    private int _third = -1;

    /// <summary>Prepares the rule.</summary>
    /// <param name="tokenizer">The tokenizer that the ids belong to.</param>
    /// <param name="stopAtEndOfSequence">Whether the end-of-sequence token ends an answer; the reference generates on (docs/fidelity.md).</param>
    public StopRule(LlamaTextTokenizer tokenizer, bool stopAtEndOfSequence)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _detokenizer = new LlamaDetokenizer(tokenizer, skipSpecialTokens: false);
        _stopAtEndOfSequence = stopAtEndOfSequence;
        _mayTakePart = new bool[tokenizer.IdCount];
        for (int id = 0; id < _mayTakePart.Length; id++)
        {
            _mayTakePart[id] = MayTakePart(id);
        }
    }

    /// <summary>Whether the last token pushed was the end of the sequence (and that counts).</summary>
    public bool EndOfSequenceSeen { get; private set; }

    /// <summary>Starts a new answer behind <paramref name="prompt"/>.</summary>
    public void Reset(ReadOnlySpan<int> prompt)
    {
        EndOfSequenceSeen = false;
        _first = -1;
        _second = prompt.Length > 1 ? prompt[^2] : -1;
        _third = prompt.Length > 0 ? prompt[^1] : -1;
    }

    /// <summary>Takes the next token; true if the answer ends with it.</summary>
    public bool Push(int id)
    {
        (_first, _second, _third) = (_second, _third, id);
        EndOfSequenceSeen = _stopAtEndOfSequence && id == _tokenizer.EosId;
        return EndOfSequenceSeen || IsStop(_first, _second, _third);
    }

    /// <summary>Whether the three tokens decode to the stop marker.</summary>
    public bool IsStop(int first, int second, int third)
    {
        if (!Passes(first) || !Passes(second) || !Passes(third))
        {
            return false;
        }

        _detokenizer.Reset();
        _detokenizer.Push(first);
        _detokenizer.Push(second);
        _detokenizer.Push(third);
        _detokenizer.Complete();
        return _detokenizer.Text.SequenceEqual(Marker);
    }

    private bool Passes(int id) => (uint)id < (uint)_mayTakePart.Length && _mayTakePart[id];

    /// <summary>Whether a token adds nothing but characters of the marker and spaces that decoding may drop.</summary>
    private bool MayTakePart(int id)
    {
        if (_tokenizer.TextOf(id) is not { } text || _tokenizer.KindOf(id) != TokenKind.Piece)
        {
            return false;
        }

        if (id < _tokenizer.Model.Pieces.Count && _tokenizer.Model.Pieces[id].Type is PieceType.Control)
        {
            return true;
        }

        return SentencePieceText.ByteOf(text) is '\n' or '#' || !text.AsSpan().ContainsAnyExcept("\n# \u2581");
    }
}
