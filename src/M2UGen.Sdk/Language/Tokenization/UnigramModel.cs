using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// A unigram language model over pieces: the best path by the sum of scores (Viterbi), in float64 and with the tie rule of the Rust
/// tokenizers (the first path found wins among equals; shorter pieces are tried first). Immutable and thread-safe.
/// Source: huggingface/tokenizers models/unigram/model.rs, <c>encode_optimized</c>.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    // How much worse than the worst piece an unknown character is.
    private const double UnknownPenalty = 10.0;
    private const int LongestPiece = 1024;

    private readonly PieceTrie _trie = new();
    private readonly Dictionary<string, int> _ids;
    private readonly string[] _pieces;
    private readonly double[] _scores;
    private readonly int _unknownId;
    private readonly double _unknownScore;
    private readonly bool _byteFallback;

    /// <summary>Indexes a vocabulary.</summary>
    /// <param name="vocabulary">Pieces and scores in id order; of equal pieces the last counts.</param>
    /// <param name="unknownId">Id of the unknown piece, or -1 if there is none.</param>
    /// <param name="byteFallback">Whether unknown text becomes the pieces of its bytes where the vocabulary has all of them.</param>
    /// <exception cref="InvalidDataException">The vocabulary cannot be used.</exception>
    public UnigramModel(IReadOnlyList<(string Piece, double Score)> vocabulary, int unknownId, bool byteFallback)
    {
        if (vocabulary.Count == 0 || unknownId >= vocabulary.Count)
        {
            throw new InvalidDataException($"the vocabulary has {vocabulary.Count} pieces and the unknown id {unknownId}");
        }

        _pieces = new string[vocabulary.Count];
        _scores = new double[vocabulary.Count];
        _ids = new Dictionary<string, int>(vocabulary.Count, StringComparer.Ordinal);
        _unknownId = unknownId;
        _byteFallback = byteFallback;
        double least = double.PositiveInfinity;
        for (int id = 0; id < vocabulary.Count; id++)
        {
            (string piece, double score) = vocabulary[id];
            if (piece.Length > LongestPiece || !double.IsFinite(score))
            {
                throw new InvalidDataException($"piece {id} is {piece.Length} characters long and has the score {score.ToString(CultureInfo.InvariantCulture)}");
            }

            _pieces[id] = piece;
            _scores[id] = score;
            _ids[piece] = id;
            _trie.Add(piece, id);
            least = Math.Min(least, score);
        }

        _unknownScore = least - UnknownPenalty;
    }

    /// <inheritdoc/>
    public override int Count => _pieces.Length;

    /// <inheritdoc/>
    public override string Piece(int id) => _pieces[id];

    /// <inheritdoc/>
    public override int IdOf(string piece) => _ids.TryGetValue(piece, out int id) ? id : -1;

    /// <inheritdoc/>
    public override void Encode(string text, List<int> ids)
    {
        if (text.Length == 0)
        {
            return;
        }

        Node[] best = BestPath(text);
        List<(int Start, int Length)> pieces = [];
        for (int end = text.Length; end > 0;)
        {
            int start = best[end].Start;

            // A run of unknown pieces is one.
            while (best[end].Id == _unknownId && start > 0 && best[start].Id == _unknownId)
            {
                start = best[start].Start;
            }

            pieces.Add((start, end - start));
            end = start;
        }

        for (int i = pieces.Count - 1; i >= 0; i--)
        {
            AppendId(text.AsSpan(pieces[i].Start, pieces[i].Length), ids);
        }
    }

    private Node[] BestPath(string text)
    {
        Node[] best = new Node[text.Length + 1];
        Array.Fill(best, new Node(0, 0, -1));
        int step;
        for (int start = 0; start < text.Length; start += step)
        {
            step = char.IsSurrogatePair(text, start) ? 2 : 1;
            bool single = false;
            int node = PieceTrie.Root;
            for (int at = start; at < text.Length && _trie.Step(ref node, text[at]); at++)
            {
                int id = _trie.Value(node);
                if (id >= 0)
                {
                    Offer(best, start, at + 1, id, _scores[id]);
                    single |= at + 1 - start == step;
                }
            }

            if (!single)
            {
                Offer(best, start, start + step, _unknownId, _unknownScore);
            }
        }

        return best;
    }

    private static void Offer(Node[] best, int start, int end, int id, double score)
    {
        double candidate = score + best[start].Score;
        if (best[end].Start < 0 || candidate > best[end].Score)
        {
            best[end] = new Node(id, candidate, start);
        }
    }

    private void AppendId(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (_ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(piece, out int id))
        {
            ids.Add(id);
        }
        else if (!_byteFallback || !AppendBytes(piece, ids))
        {
            ids.Add(_unknownId >= 0
                ? _unknownId
                : throw new InvalidDataException("a text has characters outside the vocabulary, which has no unknown piece"));
        }
    }

    private bool AppendBytes(ReadOnlySpan<char> piece, List<int> ids)
    {
        int before = ids.Count;
        foreach (byte value in Encoding.UTF8.GetBytes(piece.ToString()))
        {
            if (!_ids.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out int id))
            {
                ids.RemoveRange(before, ids.Count - before);
                return false;
            }

            ids.Add(id);
        }

        return true;
    }

    private readonly record struct Node(int Id, double Score, int Start);
}
