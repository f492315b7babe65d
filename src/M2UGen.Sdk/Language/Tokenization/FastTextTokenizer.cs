using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// A tokenizer in its FAST form: added tokens are cut out of the text, the rest is normalised, cut into parts and encoded part by part, and
/// special tokens are put around it all. Immutable and thread-safe.
/// Sources: transformers tokenization_utils_fast.py (4.35.2), huggingface/tokenizers 0.15.
/// </summary>
internal abstract class FastTextTokenizer
{
    private const int MostAddedIds = 65536;

    private readonly FastTokenizerParts _parts;
    private readonly Dictionary<int, AddedToken> _added = [];
    private readonly AddedTokenMatcher _rawTokens;
    private readonly AddedTokenMatcher _normalizedTokens;
    private readonly bool _cleanUp;

    /// <summary>Puts the tokenizer together.</summary>
    /// <param name="parts">What the vocabulary's file says.</param>
    /// <param name="settings">What the files beside it say.</param>
    /// <param name="special">The special tokens of the tokenizer's class, as the settings or the class name them; those without an id are left out.</param>
    /// <exception cref="ModelBundleException">Tokens have ids that the vocabulary cannot have.</exception>
    protected FastTextTokenizer(FastTokenizerParts parts, TokenizerSettings settings, IEnumerable<AddedToken> special)
    {
        _parts = parts;
        _cleanUp = settings.CleanUpSpaces ?? true;
        MaxLength = settings.MaxLength;
        Dictionary<string, AddedToken> tokens = CollectAddedTokens(parts, settings, special);
        foreach (AddedToken token in tokens.Values)
        {
            _added[token.Id] = token;
        }

        _rawTokens = new AddedTokenMatcher(tokens.Values.Where(token => !token.Normalized), token => token.Content);
        _normalizedTokens = new AddedTokenMatcher(tokens.Values.Where(token => token.Normalized), token => Normalize(token.Content));
        PadId = tokens.TryGetValue(settings.Pad?.Content ?? "<pad>", out AddedToken? pad) ? pad.Id : 0;
        if (MaxLength <= SpecialTokenCount)
        {
            throw new ModelBundleException(parts.Path, $"'model_max_length' beside '{parts.Path}' is {MaxLength}, which leaves no room beside the {SpecialTokenCount} special tokens of every text.");
        }

        IdCount = Math.Max(parts.Model.Count, _added.Count == 0 ? 0 : _added.Keys.Max() + 1);
        foreach (int id in parts.Before.Concat(parts.After))
        {
            if (id >= IdCount)
            {
                throw new ModelBundleException(parts.Path, $"'{parts.Path}' puts the token {id} around every text; its vocabulary has {IdCount}.");
            }
        }
    }

    /// <summary>Id of the padding token.</summary>
    public int PadId { get; }

    /// <summary>One more than the highest token id.</summary>
    public int IdCount { get; }

    /// <summary>How many ids the model takes, special tokens included (<c>model_max_length</c>); null where the files set no limit.</summary>
    public int? MaxLength { get; }

    /// <summary>How many ids are added to a text's own.</summary>
    public int SpecialTokenCount => _parts.Before.Count + _parts.After.Count;

    /// <summary>Encodes a text and adds the special tokens.</summary>
    /// <param name="text">Any text; half surrogate pairs count as U+FFFD.</param>
    /// <returns>Token ids.</returns>
    public int[] Encode(string text) => Encode(text, int.MaxValue);

    /// <summary>Encodes a text to at most <paramref name="maxLength"/> ids: what does not fit is cut off before the special tokens at the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> has no room for the special tokens.</exception>
    public int[] Encode(string text, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, SpecialTokenCount);
        List<int> ids = EncodeText(WellFormed(text));
        int room = maxLength - SpecialTokenCount;
        IEnumerable<int> own = ids.Count > room ? ids.Take(room) : ids;
        return [.. _parts.Before, .. own, .. _parts.After];
    }

    /// <summary>Encodes a text to exactly <paramref name="maxLength"/> ids, padded on the right.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="maxLength">Number of ids.</param>
    /// <param name="truncate">Whether a longer text is cut; if not it is an error.</param>
    /// <returns>[maxLength] ids and [maxLength] mask: 1 for the text and its special tokens, 0 for padding.</returns>
    /// <exception cref="ArgumentException">The text is too long and must not be cut.</exception>
    public (int[] Ids, int[] Mask) EncodePadded(string text, int maxLength, bool truncate = true)
    {
        int[] ids = Encode(text, truncate ? maxLength : int.MaxValue);
        if (ids.Length > maxLength)
        {
            throw new ArgumentException($"The text has {ids.Length} tokens, more than {maxLength}. Shorten it or allow it to be cut.", nameof(text));
        }

        int[] padded = new int[maxLength];
        int[] mask = new int[maxLength];
        padded.AsSpan().Fill(PadId);
        ids.CopyTo(padded, 0);
        mask.AsSpan(0, ids.Length).Fill(1);
        return (padded, mask);
    }

    /// <summary>Decodes token ids; ids without a token are left out, as the reference does.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <param name="cleanUpSpaces">Whether spaces before punctuation go; null: as tokenizer_config.json says, true without one.</param>
    /// <exception cref="ModelBundleException">tokenizer.json asks for a decoder that is not supported.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false, bool? cleanUpSpaces = null)
    {
        TokenJoiner joiner = _parts.Joiner
            ?? throw new ModelBundleException(_parts.Path, $"The decoder that '{_parts.Path}' asks for is not supported; encoding is.");
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
        {
            if (_added.TryGetValue(id, out AddedToken? token))
            {
                if (!skipSpecialTokens || !token.Special)
                {
                    tokens.Add(token.Content);
                }
            }
            else if ((uint)id < (uint)_parts.Model.Count && _parts.Model.Piece(id) is { } piece)
            {
                tokens.Add(piece);
            }
        }

        string text = joiner.Join(tokens);
        return cleanUpSpaces ?? _cleanUp ? TextCleanUp.Apply(text) : text;
    }

    /// <summary>A special token that no file describes.</summary>
    protected static AddedToken Special(string content) => new(content, -1) { Special = true };

    private List<int> EncodeText(string text)
    {
        List<int> ids = [];
        try
        {
            List<TextPart> parts = [];
            foreach (TextPart part in _rawTokens.Split(text))
            {
                parts.AddRange(part.IsToken ? [part] : _normalizedTokens.Split(Normalize(part.Text)));
            }

            foreach (TextPart part in _parts.PreTokenizer?.Split(parts) ?? parts)
            {
                if (part.IsToken)
                {
                    ids.Add(part.Id);
                }
                else
                {
                    _parts.Model.Encode(part.Text, ids);
                }
            }
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(_parts.Path, $"'{_parts.Path}' cannot encode this text: {broken.Message}.", broken);
        }

        return ids;
    }

    private string Normalize(string text) => _parts.Normalizer?.Apply(text) ?? text;

    private static Dictionary<string, AddedToken> CollectAddedTokens(FastTokenizerParts parts, TokenizerSettings settings, IEnumerable<AddedToken> special)
    {
        Dictionary<string, AddedToken> tokens = new(StringComparer.Ordinal);

        // The flags of tokenizer_config.json win over those of tokenizer.json; an id comes from the vocabulary where that has the text.
        foreach (AddedToken token in parts.AddedTokens.Concat(settings.Added))
        {
            int known = tokens.TryGetValue(token.Content, out AddedToken? before) ? before.Id : parts.Model.IdOf(token.Content);
            int id = known >= 0 ? known : token.Id;
            if (id < 0 || id > parts.Model.Count + MostAddedIds)
            {
                throw new ModelBundleException(
                    parts.Path, $"The added token '{token.Content}' beside '{parts.Path}' has the id {id}; the vocabulary has {parts.Model.Count} pieces.");
            }

            tokens[token.Content] = token with { Id = id };
        }

        foreach (AddedToken token in special)
        {
            if (tokens.TryGetValue(token.Content, out AddedToken? known))
            {
                tokens[token.Content] = known with { Special = true };
            }
            else if (parts.Model.IdOf(token.Content) is >= 0 and int id)
            {
                tokens[token.Content] = token with { Id = id, Special = true };
            }
        }

        return tokens;
    }

    private static string WellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]))
            {
                StringBuilder result = new(text.Length);
                Span<char> chars = stackalloc char[2];
                foreach (Rune rune in text.EnumerateRunes())
                {
                    result.Append(chars[..rune.EncodeToUtf16(chars)]);
                }

                return result.ToString();
            }
        }

        return text;
    }
}
