using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// SentencePiece byte pair encoding: neighbours merge in the order of their pieces' scores (highest first, leftmost first among equals)
/// until no pair is a piece. A linked list and a priority queue make it O(n log n). Source: google/sentencepiece bpe_model.cc.
/// </summary>
internal sealed class BytePairEncoder
{
    private readonly SentencePieceModel _model;
    private readonly SentencePieceNormalizer _normalizer;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly int[] _byteIds = new int[256];
    private readonly int _longestPiece;

    /// <summary>Indexes the vocabulary.</summary>
    /// <exception cref="InvalidDataException">Two pieces are equal, or the character map is damaged.</exception>
    public BytePairEncoder(SentencePieceModel model, bool addDummyPrefix)
    {
        _model = model;
        _normalizer = new SentencePieceNormalizer(model, addDummyPrefix);
        _ids = new Dictionary<string, int>(model.Pieces.Count, StringComparer.Ordinal);
        _byteIds.AsSpan().Fill(-1);
        for (int i = 0; i < model.Pieces.Count; i++)
        {
            SentencePiece piece = model.Pieces[i];
            if (!_ids.TryAdd(piece.Text, i))
            {
                throw new InvalidDataException($"the pieces {_ids[piece.Text]} and {i} are the same");
            }

            _longestPiece = Math.Max(_longestPiece, piece.Text.Length);
            if (piece.Type == PieceType.Byte && SentencePieceText.ByteOf(piece.Text) is >= 0 and int value)
            {
                _byteIds[value] = i;
            }
        }

        _lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The id of the piece with exactly this text, or the unknown id.</summary>
    public int PieceToId(ReadOnlySpan<char> piece) => _lookup.TryGetValue(piece, out int id) ? id : _model.UnknownId;

    /// <summary>The id of the piece for a byte, or -1 if the vocabulary has none.</summary>
    public int ByteToId(byte value) => _byteIds[value];

    /// <summary>Encodes a text without special tokens and appends the ids.</summary>
    public void Encode(ReadOnlySpan<char> text, List<int> ids)
    {
        string normalized = _normalizer.Normalize(text);
        if (normalized.Length == 0)
        {
            return;
        }

        Merging merging = new(this, normalized);
        merging.Run();
        bool afterUnknown = false;
        for (int i = 0; i >= 0; i = merging.Next(i))
        {
            AppendIds(merging, merging.Start(i), merging.Length(i), ids, ref afterUnknown);
        }
    }

    private void AppendIds(Merging merging, int start, int length, List<int> ids, ref bool afterUnknown)
    {
        ReadOnlySpan<char> whole = merging.Text.AsSpan(start, length);
        if (PieceToId(whole) is int wholeId && _model.Pieces[wholeId].Type != PieceType.Unused)
        {
            AppendPiece(whole, wholeId, ids, ref afterUnknown);
            return;
        }

        // Parts of "unused" pieces wait on this stack: the piece was only a step on the way to a longer one and is taken apart again.
        Stack<(int Start, int Length)> waiting = [];
        waiting.Push((start, length));
        while (waiting.TryPop(out (int Start, int Length) part))
        {
            ReadOnlySpan<char> piece = merging.Text.AsSpan(part.Start, part.Length);
            int id = PieceToId(piece);
            if (_model.Pieces[id].Type == PieceType.Unused && merging.TrySplit(piece, out int leftLength))
            {
                waiting.Push((part.Start + leftLength, part.Length - leftLength));
                waiting.Push((part.Start, leftLength));
            }
            else
            {
                AppendPiece(piece, id, ids, ref afterUnknown);
            }
        }
    }

    private void AppendPiece(ReadOnlySpan<char> piece, int id, List<int> ids, ref bool afterUnknown)
    {
        bool unknown = id == _model.UnknownId;
        if (unknown && _model.ByteFallback)
        {
            Span<byte> utf8 = stackalloc byte[4];
            foreach (Rune rune in piece.EnumerateRunes())
            {
                int count = rune.EncodeToUtf8(utf8);
                foreach (byte value in utf8[..count])
                {
                    ids.Add(_byteIds[value] >= 0 ? _byteIds[value] : _model.UnknownId);
                }
            }
        }
        else if (!unknown || !afterUnknown)
        {
            // A run of unknown characters is one unknown token.
            ids.Add(id);
        }

        afterUnknown = unknown;
    }

    /// <summary>The state of one encoding.</summary>
    private sealed class Merging(BytePairEncoder owner, string text)
    {
        private readonly List<Symbol> _symbols = new(text.Length);
        private readonly PriorityQueue<Pair, (float Score, int Left)> _agenda = new(HighestScoreThenLeftmost.Instance);
        private Dictionary<string, int>? _splits;

        public string Text => text;

        public int Start(int symbol) => _symbols[symbol].Start;

        public int Length(int symbol) => _symbols[symbol].Length;

        public int Next(int symbol) => _symbols[symbol].Next;

        public bool TrySplit(ReadOnlySpan<char> piece, out int leftLength)
        {
            leftLength = 0;
            return _splits is not null && _splits.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(piece, out leftLength);
        }

        public void Run()
        {
            SplitIntoCharacters();
            for (int i = 1; i < _symbols.Count; i++)
            {
                Offer(i - 1, i);
            }

            while (_agenda.TryDequeue(out Pair pair, out _))
            {
                Symbol left = _symbols[pair.Left];
                Symbol right = _symbols[pair.Right];
                if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != pair.Length)
                {
                    continue; // one of the two has merged with another neighbour since
                }

                _symbols[pair.Left] = left with { Length = pair.Length, Next = right.Next };
                _symbols[pair.Right] = right with { Length = 0 };
                if (right.Next >= 0)
                {
                    _symbols[right.Next] = _symbols[right.Next] with { Previous = pair.Left };
                }

                Offer(left.Previous, pair.Left);
                Offer(pair.Left, right.Next);
            }
        }

        private void SplitIntoCharacters()
        {
            PieceTrie? userDefined = owner._normalizer.UserDefined;
            for (int at = 0; at < text.Length;)
            {
                int length = 0;
                bool frozen = userDefined?.Longest(text.AsSpan(at), out length) >= 0;
                if (!frozen)
                {
                    length = char.IsSurrogatePair(text, at) ? 2 : 1;
                }

                int next = at + length < text.Length ? _symbols.Count + 1 : -1;
                _symbols.Add(new Symbol(at, length, _symbols.Count - 1, next, frozen));
                at += length;
            }
        }

        private void Offer(int left, int right)
        {
            if (left < 0 || right < 0 || _symbols[left].Frozen || _symbols[right].Frozen)
            {
                return;
            }

            int length = _symbols[left].Length + _symbols[right].Length;
            if (length > owner._longestPiece
                || !owner._lookup.TryGetValue(text.AsSpan(_symbols[left].Start, length), out string? piece, out int id))
            {
                return;
            }

            SentencePiece entry = owner._model.Pieces[id];
            if (entry.Type is PieceType.Unknown or PieceType.Control or PieceType.Byte)
            {
                return; // reserved pieces never come about by merging
            }

            _agenda.Enqueue(new Pair(left, right, length), (entry.Score, left));
            if (entry.Type == PieceType.Unused)
            {
                (_splits ??= new Dictionary<string, int>(StringComparer.Ordinal))[piece] = _symbols[left].Length;
            }
        }
    }

    private readonly record struct Symbol(int Start, int Length, int Previous, int Next, bool Frozen);

    private readonly record struct Pair(int Left, int Right, int Length);

    private sealed class HighestScoreThenLeftmost : IComparer<(float Score, int Left)>
    {
        public static readonly HighestScoreThenLeftmost Instance = new();

        public int Compare((float Score, int Left) x, (float Score, int Left) y)
        {
            int byScore = y.Score.CompareTo(x.Score);
            return byScore != 0 ? byScore : x.Left.CompareTo(y.Left);
        }
    }
}
