using System.Globalization;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// The LLaMA text tokenizer with the eight tokens [AUD0]..[AUD7] behind the vocabulary: SentencePiece BPE inside, the rules of
/// transformers' slow <c>LlamaTokenizer</c> (4.35.2) around it. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// Text is cut at special and added tokens first (leftmost, longest), and each part between is encoded by itself with its own space in
/// front. Source: reference m2ugen.py <c>_add_audio_token</c>, transformers tokenization_llama.py and tokenization_utils.py.
/// </remarks>
internal sealed class LlamaTextTokenizer
{
    /// <summary>How many [AUDn] tokens the model knows (reference <c>num_gen_audio_tokens</c>).</summary>
    public const int AudioTokenCount = 8;

    private readonly SentencePieceModel _model;
    private readonly BytePairEncoder _encoder;
    private readonly PieceTrie _addedTrie = new();
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, AddedToken> _added = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly string[] _texts;
    private readonly TokenKind[] _kinds;
    private readonly string _unknownText;
    private readonly int _unknownLength;
    private readonly bool _addBos;
    private readonly bool _addEos;
    private readonly bool _cleanUp;

    private LlamaTextTokenizer(SentencePieceModel model, TokenizerSettings settings, bool legacy)
    {
        _model = model;
        Legacy = legacy;
        AddDummyPrefix = legacy && model.AddDummyPrefix;
        _encoder = new BytePairEncoder(model, AddDummyPrefix);
        _addBos = settings.AddBos ?? true;
        _addEos = settings.AddEos ?? false;
        _cleanUp = settings.CleanUpSpaces ?? false;
        AddedToken bos = settings.Bos ?? SpecialToken(model.BosId, "<s>");
        AddedToken eos = settings.Eos ?? SpecialToken(model.EosId, "</s>");
        AddedToken unknown = settings.Unknown ?? SpecialToken(model.UnknownId, "<unk>");
        foreach (AddedToken token in settings.Added)
        {
            Add(token);
        }

        // The order in which transformers gives ids to special tokens that the vocabulary lacks.
        AddedToken?[] special = [bos, eos, unknown, settings.Pad, .. settings.AdditionalSpecial ?? []];
        foreach (AddedToken? token in special)
        {
            if (token is not null)
            {
                _special.Add(token.Content);
                Add(token);
            }
        }

        VocabularySize = Count();
        for (int i = 0; i < AudioTokenCount; i++)
        {
            Add(new AddedToken(string.Create(CultureInfo.InvariantCulture, $"[AUD{i}]"), -1) { Normalized = true });
        }

        AudioTokenStart = _addedIds["[AUD0]"];
        BosId = _addedIds[bos.Content];
        EosId = _addedIds[eos.Content];
        NewlineId = _encoder.ByteToId((byte)'\n') is >= 0 and int id ? id : _encoder.PieceToId("\n");
        _unknownText = unknown.Content;
        _unknownLength = EncodePart(_unknownText).Count;
        (_texts, _kinds) = Describe(settings.AdditionalSpecial ?? []);
    }

    /// <summary>Number of token ids below the audio tokens: pieces and tokens that the files add.</summary>
    public int VocabularySize { get; }

    /// <summary>Id of the beginning-of-sequence token.</summary>
    public int BosId { get; }

    /// <summary>Id of the end-of-sequence token.</summary>
    public int EosId { get; }

    /// <summary>Id of [AUD0]; [AUDn] is this plus n.</summary>
    public int AudioTokenStart { get; }

    /// <summary>Id of the token for a line break, at which the reference cuts an answer (13 in LLaMA's vocabularies).</summary>
    public int NewlineId { get; }

    /// <summary>Whether the tokenizer behaves as before transformers' fix of spaces behind special tokens.</summary>
    public bool Legacy { get; }

    /// <summary>Whether a part of text gets a space in front.</summary>
    public bool AddDummyPrefix { get; }

    /// <summary>One more than the highest token id.</summary>
    public int IdCount => _texts.Length;

    /// <summary>The vocabulary file.</summary>
    internal SentencePieceModel Model => _model;

    /// <summary>The encoder below.</summary>
    internal BytePairEncoder Encoder => _encoder;

    /// <summary>Loads <c>tokenizer.model</c> and what lies beside it (<c>tokenizer_config.json</c>, ...).</summary>
    /// <param name="directoryOrModelPath">The directory, or the model file itself.</param>
    /// <exception cref="ModelBundleException">A file is missing or damaged, or the vocabulary is not BPE.</exception>
    public static LlamaTextTokenizer Load(string directoryOrModelPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(directoryOrModelPath);
        bool isDirectory = Directory.Exists(directoryOrModelPath);
        string path = isDirectory ? Path.Combine(directoryOrModelPath, "tokenizer.model") : directoryOrModelPath;
        string directory = isDirectory ? directoryOrModelPath : Path.GetDirectoryName(Path.GetFullPath(directoryOrModelPath))!;
        TokenizerSettings settings = TokenizerSettings.Load(directory);
        return Create(SentencePieceModel.Load(path), settings, settings.Legacy ?? true, path);
    }

    /// <summary>Builds the tokenizer from a model file's bytes, without settings files.</summary>
    /// <param name="model">The bytes of <c>tokenizer.model</c>.</param>
    /// <param name="legacy">The <c>legacy</c> switch of <c>tokenizer_config.json</c>; true where that file is absent.</param>
    /// <exception cref="ModelBundleException">The bytes are damaged, or the vocabulary is not BPE.</exception>
    public static LlamaTextTokenizer FromBytes(ReadOnlySpan<byte> model, bool legacy = true) =>
        Create(SentencePieceModel.Parse(model, "tokenizer.model"), new TokenizerSettings(), legacy, "tokenizer.model");

    private static LlamaTextTokenizer Create(SentencePieceModel model, TokenizerSettings settings, bool legacy, string path)
    {
        if (model.ModelType != SentencePieceModel.BytePair)
        {
            throw new ModelBundleException(
                path, $"'{path}' has the SentencePiece model type {model.ModelType}; a LLaMA vocabulary is BPE (2). Check which model's tokenizer it is.");
        }

        try
        {
            return new LlamaTextTokenizer(model, settings, legacy);
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(path, $"'{path}' is not a usable vocabulary: {broken.Message}.", broken);
        }
    }

    /// <summary>Encodes a text.</summary>
    /// <param name="text">Any text; special-looking parts such as <c>&lt;/s&gt;</c> or <c>[AUD0]</c> become those tokens.</param>
    /// <param name="addBos">Whether the sequence gets its special tokens (BOS first, unless the settings file says otherwise).</param>
    /// <returns>Token ids.</returns>
    public int[] Encode(string text, bool addBos = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = new((text.Length / 2) + 8);
        if (addBos && _addBos)
        {
            ids.Add(BosId);
        }

        EncodeText(text, ids);
        if (addBos && _addEos)
        {
            ids.Add(EosId);
        }

        return [.. ids];
    }

    /// <summary>Decodes token ids to text.</summary>
    /// <param name="ids">Ids in [0, <see cref="IdCount"/>).</param>
    /// <param name="skipSpecialTokens">Whether <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c> and the like are left out; [AUDn] never are.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is no token.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        LlamaDetokenizer detokenizer = new(this, skipSpecialTokens);
        foreach (int id in ids)
        {
            detokenizer.Push(id);
        }

        detokenizer.Complete();
        string text = detokenizer.Text.ToString();
        return _cleanUp ? TextCleanUp.Apply(text) : text;
    }

    /// <summary>What kind of token an id is.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is no token.</exception>
    internal TokenKind KindOf(int id) =>
        (uint)id < (uint)_kinds.Length && _kinds[id] != TokenKind.None
            ? _kinds[id]
            : throw new ArgumentOutOfRangeException(nameof(id), id, $"There is no token {id}; the vocabulary has ids below {_kinds.Length}.");

    /// <summary>The token's text as the vocabulary spells it (▁ for a space).</summary>
    internal string TextOf(int id) => _texts[id];

    private void EncodeText(string text, List<int> ids)
    {
        if (Legacy || text.Length == 0)
        {
            EncodeSegments(text, ids);
            return;
        }

        int start = ids.Count;
        EncodeSegments(SentencePieceText.Space + text.Replace(SentencePieceText.Space, ' '), ids);
        if (ids.Count > start + 1 && TextAt(ids[start]) is [SentencePieceText.Space] && _special.Contains(TextAt(ids[start + 1])))
        {
            ids.RemoveAt(start);
        }
    }

    private string TextAt(int id) => _added.TryGetValue(id, out AddedToken? token) ? token.Content : _model.Pieces[id].Text;

    private void EncodeSegments(string text, List<int> ids)
    {
        List<(string Text, int Id)> segments = Split(text);
        for (int i = 0; i < segments.Count; i++)
        {
            (string token, int id) = segments[i];
            if (id < 0)
            {
                continue;
            }

            AddedToken added = _added[id];
            (string Text, int Id) left = i > 0 ? segments[i - 1] : (string.Empty, -1);
            (string Text, int Id) right = i + 1 < segments.Count ? segments[i + 1] : (string.Empty, -1);
            if (added.RightStrip && right.Text.Length > 0)
            {
                segments[i + 1] = right = (right.Text.TrimStart(), right.Id);
            }

            if (added.LeftStrip && left.Text.Length > 0)
            {
                segments[i - 1] = left = (left.Text.TrimEnd(), left.Id);
            }

            if (added.SingleWord && left.Text.Length > 0 && left.Text[^1] != ' ')
            {
                segments[i - 1] = (left.Text + token, -1);
                segments[i] = (string.Empty, -1);
            }
            else if (added.SingleWord && right.Text.Length > 0 && right.Text[0] != ' ')
            {
                segments[i + 1] = (token + right.Text, -1);
                segments[i] = (string.Empty, -1);
            }
        }

        foreach ((string part, int id) in segments)
        {
            if (id >= 0)
            {
                ids.Add(id);
            }
            else if (part.Length > 0)
            {
                ids.AddRange(EncodePart(part));
            }
        }
    }

    private List<(string Text, int Id)> Split(string text)
    {
        List<(string Text, int Id)> segments = [];
        int start = 0;
        for (int at = 0; at < text.Length;)
        {
            int id = _addedTrie.Longest(text.AsSpan(at), out int length);
            if (id < 0)
            {
                at++;
                continue;
            }

            if (at > start)
            {
                segments.Add((text[start..at], -1));
            }

            segments.Add((text.Substring(at, length), id));
            at += length;
            start = at;
        }

        if (start < text.Length)
        {
            segments.Add((text[start..], -1));
        }

        return segments;
    }

    private List<int> EncodePart(string part)
    {
        List<int> ids = new(part.Length);
        if (Legacy || part[0] is not (' ' or SentencePieceText.Space))
        {
            _encoder.Encode(part, ids);
            return ids;
        }

        // Without legacy behaviour a leading space is kept by encoding behind the unknown token's text and dropping that text's pieces.
        _encoder.Encode(_unknownText + part, ids);
        if (ids.Count >= _unknownLength)
        {
            ids.RemoveRange(0, _unknownLength);
        }

        return ids;
    }

    private AddedToken SpecialToken(int id, string fallback) =>
        new((uint)id < (uint)_model.Pieces.Count ? _model.Pieces[id].Text : fallback, -1) { Special = true };

    private void Add(AddedToken token)
    {
        if (token.Content.Length == 0 || _addedIds.ContainsKey(token.Content))
        {
            return;
        }

        int piece = PieceIndex(token.Content);
        int id = token.Id >= 0 ? token.Id : piece >= 0 ? piece : Count();
        if (id > Count() + 65536)
        {
            throw new InvalidDataException($"the added token '{token.Content}' has the id {id}, far behind the {_model.Pieces.Count} pieces");
        }

        _addedIds[token.Content] = id;
        _added[id] = token with { Id = id };
        _addedTrie.Add(token.Content, id);
    }

    private int PieceIndex(string text)
    {
        int id = _encoder.PieceToId(text);
        return _model.Pieces[id].Text == text ? id : -1;
    }

    private int Count() => _model.Pieces.Count + _addedIds.Keys.Count(text => PieceIndex(text) < 0);

    private (string[] Texts, TokenKind[] Kinds) Describe(IReadOnlyList<AddedToken> additional)
    {
        int count = Math.Max(_model.Pieces.Count, _added.Keys.Last() + 1);
        string[] texts = new string[count];
        TokenKind[] kinds = new TokenKind[count];
        for (int id = 0; id < count; id++)
        {
            if (_added.TryGetValue(id, out AddedToken? token))
            {
                texts[id] = token.Content;
                bool beyond = id >= _model.Pieces.Count && additional.Any(other => other.Content == token.Content);
                kinds[id] = !_special.Contains(token.Content) ? TokenKind.Standalone : beyond ? TokenKind.StandaloneSpecial : TokenKind.Special;
            }
            else if (id < _model.Pieces.Count)
            {
                texts[id] = _model.Pieces[id].Text;
                kinds[id] = TokenKind.Piece;
            }
        }

        return (texts, kinds);
    }
}

/// <summary>How a token takes part in decoding.</summary>
internal enum TokenKind : byte
{
    /// <summary>The id is no token.</summary>
    None,

    /// <summary>A piece of the vocabulary.</summary>
    Piece,

    /// <summary>A special token inside a run of text.</summary>
    Special,

    /// <summary>An added token: stands by itself, with spaces around.</summary>
    Standalone,

    /// <summary>Both: special (skippable) and standing by itself.</summary>
    StandaloneSpecial,
}
