using System.Globalization;
using System.Text.Json;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// What <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>added_tokens.json</c> beside a vocabulary say. Absent files
/// and keys leave the null or default; which default counts is the tokenizer class's business. Precedence as in transformers'
/// <c>PreTrainedTokenizerBase._from_pretrained</c>: the two smaller files only count where the first has no <c>added_tokens_decoder</c>.
/// </summary>
internal sealed class TokenizerSettings
{
    /// <summary>Whether the tokenizer keeps the behaviour from before the fix of spaces behind special tokens.</summary>
    public bool? Legacy { get; private set; }

    /// <summary>Whether encoding puts the beginning-of-sequence token first.</summary>
    public bool? AddBos { get; private set; }

    /// <summary>Whether encoding puts the end-of-sequence token last.</summary>
    public bool? AddEos { get; private set; }

    /// <summary>Whether decoding removes the spaces before punctuation.</summary>
    public bool? CleanUpSpaces { get; private set; }

    /// <summary>Whether a text that does not start with a space gets one.</summary>
    public bool? AddPrefixSpace { get; private set; }

    /// <summary>How many ids the model takes (<c>model_max_length</c>); null also for the astronomic number that stands for "no limit".</summary>
    public int? MaxLength { get; private set; }

    /// <summary>How many <c>&lt;extra_id_N&gt;</c> a T5 vocabulary gets.</summary>
    public int? ExtraIds { get; private set; }

    /// <summary>The beginning-of-sequence token.</summary>
    public AddedToken? Bos { get; private set; }

    /// <summary>The end-of-sequence token.</summary>
    public AddedToken? Eos { get; private set; }

    /// <summary>The unknown token.</summary>
    public AddedToken? Unknown { get; private set; }

    /// <summary>The padding token.</summary>
    public AddedToken? Pad { get; private set; }

    /// <summary>The token in front of a text.</summary>
    public AddedToken? Cls { get; private set; }

    /// <summary>The token behind a text.</summary>
    public AddedToken? Sep { get; private set; }

    /// <summary>The token that stands for a hidden one.</summary>
    public AddedToken? Mask { get; private set; }

    /// <summary>Further special tokens, in file order; null where no file lists them.</summary>
    public IReadOnlyList<AddedToken>? AdditionalSpecial { get; private set; }

    /// <summary>Added tokens with ids, ascending.</summary>
    public IReadOnlyList<AddedToken> Added { get; private set; } = [];

    /// <summary>Reads the files that exist in <paramref name="directory"/>.</summary>
    /// <exception cref="ModelBundleException">A file is there and not what it should be.</exception>
    public static TokenizerSettings Load(string directory)
    {
        TokenizerSettings settings = new();
        bool decoderSeen = false;
        string config = Path.Combine(directory, "tokenizer_config.json");
        if (File.Exists(config))
        {
            using JsonDocument document = TokenizerFiles.ReadJson(config);
            decoderSeen = settings.ReadConfig(document.RootElement, config);
        }

        string map = Path.Combine(directory, "special_tokens_map.json");
        if (!decoderSeen && File.Exists(map))
        {
            using JsonDocument document = TokenizerFiles.ReadJson(map);
            settings.ReadSpecialTokens(document.RootElement, map);
        }

        string added = Path.Combine(directory, "added_tokens.json");
        if (!decoderSeen && File.Exists(added))
        {
            using JsonDocument document = TokenizerFiles.ReadJson(added);
            settings.ReadAddedTokens(document.RootElement, added);
        }

        return settings;
    }

    private bool ReadConfig(JsonElement root, string path)
    {
        Legacy = TokenizerFiles.Boolean(root, "legacy", path);
        AddBos = TokenizerFiles.Boolean(root, "add_bos_token", path);
        AddEos = TokenizerFiles.Boolean(root, "add_eos_token", path);
        CleanUpSpaces = TokenizerFiles.Boolean(root, "clean_up_tokenization_spaces", path);
        AddPrefixSpace = TokenizerFiles.Boolean(root, "add_prefix_space", path);
        MaxLength = ReadMaxLength(root, path);
        ExtraIds = TokenizerFiles.Integer(root, "extra_ids", path);
        ReadSpecialTokens(root, path);
        if (TokenizerFiles.Property(root, "added_tokens_decoder") is not { } decoder)
        {
            return false;
        }

        if (decoder.ValueKind != JsonValueKind.Object)
        {
            throw TokenizerFiles.Wrong(path, "added_tokens_decoder", "an object", decoder);
        }

        List<AddedToken> tokens = [];
        foreach (JsonProperty entry in decoder.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                throw new ModelBundleException(path, $"'added_tokens_decoder' in '{path}' has the key '{entry.Name}', expected a token id.");
            }

            if (AddedToken.Read(entry.Value, entry.Name, path, id, special: false) is { } token)
            {
                tokens.Add(token with { Id = id });
            }
        }

        Added = [.. tokens.OrderBy(token => token.Id)];
        return true;
    }

    private void ReadSpecialTokens(JsonElement root, string path)
    {
        Bos ??= Special(root, "bos_token", path);
        Eos ??= Special(root, "eos_token", path);
        Unknown ??= Special(root, "unk_token", path);
        Pad ??= Special(root, "pad_token", path);
        Cls ??= Special(root, "cls_token", path);
        Sep ??= Special(root, "sep_token", path);
        Mask ??= Special(root, "mask_token", path);
        if (AdditionalSpecial is null && TokenizerFiles.Property(root, "additional_special_tokens") is { } list)
        {
            if (list.ValueKind != JsonValueKind.Array)
            {
                throw TokenizerFiles.Wrong(path, "additional_special_tokens", "an array", list);
            }

            AdditionalSpecial =
            [
                .. list.EnumerateArray()
                    .Select(item => AddedToken.Read(item, "additional_special_tokens", path, id: -1, special: true))
                    .OfType<AddedToken>(),
            ];
        }
    }

    private void ReadAddedTokens(JsonElement root, string path)
    {
        HashSet<string> special = new(StringComparer.Ordinal);
        foreach (AddedToken? token in (AddedToken?[])[Bos, Eos, Unknown, Pad, Cls, Sep, Mask, .. AdditionalSpecial ?? []])
        {
            if (token is not null)
            {
                special.Add(token.Content);
            }
        }

        List<AddedToken> tokens = [];
        foreach (JsonProperty entry in root.EnumerateObject())
        {
            int id = TokenizerFiles.Integer(root, entry.Name, path) ?? throw TokenizerFiles.Wrong(path, entry.Name, "a token id", entry.Value);
            bool isSpecial = special.Contains(entry.Name);
            tokens.Add(new AddedToken(entry.Name, id) { Special = isSpecial, Normalized = !isSpecial });
        }

        Added = [.. tokens.OrderBy(token => token.Id)];
    }

    private static int? ReadMaxLength(JsonElement root, string path) => TokenizerFiles.Property(root, "model_max_length") switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.GetDouble() >= int.MaxValue => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out int length) && length > 0 => length,
        { } other => throw TokenizerFiles.Wrong(path, "model_max_length", "a whole number above 0", other),
    };

    private static AddedToken? Special(JsonElement root, string name, string path) =>
        TokenizerFiles.Property(root, name) is { } value ? AddedToken.Read(value, name, path, id: -1, special: true) : null;
}
