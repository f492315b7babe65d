using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Byte pair encoding by a ranked list of merges: of all neighbouring symbols the pair that stands first in the list is joined, the leftmost
/// among equals, until no pair is in the list. O(n log n) in the length of the text. Immutable and thread-safe.
/// Source: huggingface/tokenizers models/bpe/model.rs <c>merge_word</c> and models/bpe/word.rs <c>merge_all</c>.
/// </summary>
internal sealed class RankedBytePairModel : TokenModel
{
    // Ids that no token has may lie between the tokens, but not so many that a stranger's id fills the memory.
    private const int MostHoles = 65536;

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly Dictionary<ulong, (int Rank, int Id)> _merges;
    private readonly string?[] _pieces;
    private readonly int _unknownId;
    private readonly bool _fusesUnknown;
    private readonly bool _ignoresMerges;

    /// <summary>Indexes a vocabulary and its merges.</summary>
    /// <param name="vocabulary">Tokens and ids; of equal tokens the last counts.</param>
    /// <param name="merges">Pairs in rank order, the first to be joined first; of equal pairs the last counts.</param>
    /// <param name="unknown">The token for characters outside the vocabulary; null: they are dropped.</param>
    /// <param name="fusesUnknown">Whether a run of such characters is one token.</param>
    /// <param name="ignoresMerges">Whether a text that is a token as a whole is that token, whatever the merges say.</param>
    /// <exception cref="InvalidDataException">The vocabulary cannot be used, or a merge joins or yields something outside it.</exception>
    public RankedBytePairModel(
        IReadOnlyCollection<KeyValuePair<string, int>> vocabulary, IReadOnlyList<(string Left, string Right)> merges, string? unknown = null, bool fusesUnknown = false, bool ignoresMerges = false)
    {
        _ids = new Dictionary<string, int>(vocabulary.Count, StringComparer.Ordinal);
        foreach ((string piece, int id) in vocabulary)
        {
            if (id < 0 || id >= vocabulary.Count + MostHoles)
            {
                throw new InvalidDataException($"'{piece}' has the id {id}; the vocabulary has {vocabulary.Count} tokens");
            }

            _ids[piece] = id;
        }

        _pieces = new string?[_ids.Count == 0 ? throw new InvalidDataException("the vocabulary has 0 tokens") : _ids.Values.Max() + 1];
        foreach ((string piece, int id) in _ids)
        {
            _pieces[id] = _pieces[id] is null ? piece : throw new InvalidDataException($"'{_pieces[id]}' and '{piece}' have the same id {id}");
        }

        _lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _merges = new Dictionary<ulong, (int, int)>(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (string left, string right) = merges[rank];
            _merges[Key(Require(left, rank), Require(right, rank))] = (rank, Require(left + right, rank));
        }

        _unknownId = unknown is null ? -1
            : _ids.TryGetValue(unknown, out int unknownId) ? unknownId
            : throw new InvalidDataException($"the unknown token '{unknown}' is not in the vocabulary");
        _fusesUnknown = fusesUnknown;
        _ignoresMerges = ignoresMerges;
    }

    /// <inheritdoc/>
    public override int Count => _pieces.Length;

    /// <inheritdoc/>
    public override string? Piece(int id) => _pieces[id];

    /// <inheritdoc/>
    public override int IdOf(string piece) => _ids.TryGetValue(piece, out int id) ? id : -1;

    /// <inheritdoc/>
    public override void Encode(string text, List<int> ids)
    {
        if (text.Length == 0)
        {
            return;
        }

        if (_ignoresMerges && _ids.TryGetValue(text, out int whole))
        {
            ids.Add(whole);
            return;
        }

        Symbol[] symbols = ArrayPool<Symbol>.Shared.Rent(text.Length);
        try
        {
            int count = SplitIntoCharacters(text, symbols);
            Merge(symbols.AsSpan(0, count));
            for (int i = 0; i < count; i = symbols[i].Next)
            {
                ids.Add(symbols[i].Id);
            }
        }
        finally
        {
            ArrayPool<Symbol>.Shared.Return(symbols);
        }
    }

    private int SplitIntoCharacters(string text, Span<Symbol> symbols)
    {
        int count = 0;
        bool afterUnknown = false;
        int length;
        for (int at = 0; at < text.Length; at += length)
        {
            length = char.IsSurrogatePair(text, at) ? 2 : 1;
            bool known = _lookup.TryGetValue(text.AsSpan(at, length), out int id);
            if (known || (_unknownId >= 0 && !(afterUnknown && _fusesUnknown)))
            {
                symbols[count] = new Symbol { Id = known ? id : _unknownId, Previous = count - 1, Next = count + 1 };
                count++;
            }

            afterUnknown = !known;
        }

        return count;
    }

    private void Merge(Span<Symbol> symbols)
    {
        // A symbol that has become part of its left neighbour is marked by the id -1.
        PriorityQueue<(int Left, int Id), ulong> agenda = new();
        for (int i = 0; i + 1 < symbols.Length; i++)
        {
            Offer(agenda, symbols, i);
        }

        while (agenda.TryDequeue(out (int Left, int Id) pair, out _))
        {
            ref Symbol left = ref symbols[pair.Left];
            if (left.Id < 0 || left.Next >= symbols.Length)
            {
                continue;
            }

            // One of the two may have merged with another neighbour since; what counts is that the pair still yields this token.
            ref Symbol right = ref symbols[left.Next];
            if (!_merges.TryGetValue(Key(left.Id, right.Id), out (int Rank, int Id) merge) || merge.Id != pair.Id)
            {
                continue;
            }

            left.Id = pair.Id;
            left.Next = right.Next;
            right.Id = -1;
            if (left.Next < symbols.Length)
            {
                symbols[left.Next].Previous = pair.Left;
                Offer(agenda, symbols, pair.Left);
            }

            if (left.Previous >= 0)
            {
                Offer(agenda, symbols, left.Previous);
            }
        }
    }

    private void Offer(PriorityQueue<(int Left, int Id), ulong> agenda, ReadOnlySpan<Symbol> symbols, int left)
    {
        if (_merges.TryGetValue(Key(symbols[left].Id, symbols[symbols[left].Next].Id), out (int Rank, int Id) merge))
        {
            agenda.Enqueue((left, merge.Id), Key(merge.Rank, left));
        }
    }

    /// <summary>Two numbers as one: a pair of ids to look up, or a rank and then a place to sort by.</summary>
    private static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    private int Require(string piece, int rank) =>
        _ids.TryGetValue(piece, out int id) ? id : throw new InvalidDataException($"merge {rank} needs '{piece}', which is not in the vocabulary");

    [StructLayout(LayoutKind.Auto)]
    private struct Symbol
    {
        public int Id;
        public int Previous;
        public int Next;
    }
}
