using System.Globalization;
using System.Text;
using System.Text.Json;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Reads a <c>tokenizer.json</c> (huggingface/tokenizers format 1.0). What the file asks for and this reader does not know
/// is an error that names it; regular expressions are never compiled from a file, only the known ones are recognised.
/// </summary>
internal sealed class TokenizerJson
{
    private const int LongestReplacement = 256;

    private readonly string _path;

    private TokenizerJson(string path) => _path = path;

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="modelType">Of which type its model must be: a constant of <see cref="TokenizerJsonModels"/>.</param>
    /// <exception cref="ModelBundleException">The file is missing, damaged, or asks for something unknown.</exception>
    public static FastTokenizerParts Load(string path, string modelType)
    {
        using JsonDocument document = TokenizerFiles.ReadJson(path);
        try
        {
            return new TokenizerJson(path).Read(document.RootElement, modelType);
        }
        catch (Exception broken) when (broken is InvalidDataException or FormatException)
        {
            throw new ModelBundleException(path, $"'{path}' is not a usable tokenizer: {broken.Message}.", broken);
        }
    }

    private FastTokenizerParts Read(JsonElement root, string modelType)
    {
        if (TokenizerFiles.Property(root, "model") is not { ValueKind: JsonValueKind.Object } model)
        {
            throw new InvalidDataException("it has no 'model'");
        }

        TokenModel tokens = TokenizerJsonModels.Read(model, modelType, _path);
        (List<int> before, List<int> after) = ReadPostProcessor(TokenizerFiles.Property(root, "post_processor"));
        return new FastTokenizerParts
        {
            Path = _path,
            Model = tokens,
            Normalizer = ReadNormalizers(TokenizerFiles.Property(root, "normalizer")),
            PreTokenizer = ReadPreTokenizer(TokenizerFiles.Property(root, "pre_tokenizer")),
            AddedTokens = ReadAddedTokens(TokenizerFiles.Property(root, "added_tokens")),
            Before = before,
            After = after,
            Joiner = ReadDecoder(TokenizerFiles.Property(root, "decoder")),
        };
    }

    private List<AddedToken> ReadAddedTokens(JsonElement? node)
    {
        List<AddedToken> tokens = [];
        if (node is { } list)
        {
            foreach (JsonElement entry in Array(list, "added_tokens"))
            {
                AddedToken token = AddedToken.Read(entry, "added_tokens", _path, id: -1, special: false)
                    ?? throw new InvalidDataException("an added token is null");
                tokens.Add(token);
            }
        }

        return tokens;
    }

    private SequenceNormalizer? ReadNormalizers(JsonElement? node)
    {
        if (node is not { } normalizer)
        {
            return null;
        }

        List<TextNormalizer> steps = [];
        Collect(normalizer, steps);
        return new SequenceNormalizer(steps);
    }

    private void Collect(JsonElement normalizer, List<TextNormalizer> steps)
    {
        // The depth is bounded by that of the JSON reader (64).
        if (TypeOf(normalizer, "normalizer") == "Sequence")
        {
            foreach (JsonElement step in Array(TokenizerFiles.Property(normalizer, "normalizers"), "normalizers"))
            {
                Collect(step, steps);
            }
        }
        else if (ReadNormalizer(normalizer) is { } step)
        {
            steps.Add(step);
        }
    }

    private TextNormalizer? ReadNormalizer(JsonElement normalizer)
    {
        string type = TypeOf(normalizer, "normalizer");
        switch (type)
        {
            case "Precompiled":
                string map = TokenizerFiles.Text(normalizer, "precompiled_charsmap", _path) ?? string.Empty;
                return CharsMap.Parse(Convert.FromBase64String(map)) is { } parsed ? new PrecompiledNormalizer(parsed) : null;
            case "Replace":
                return ReadReplace(normalizer);
            case "Strip":
                return new StripNormalizer(
                    TokenizerFiles.Boolean(normalizer, "strip_left", _path) ?? true, TokenizerFiles.Boolean(normalizer, "strip_right", _path) ?? true);
            case "Lowercase":
                return new LowercaseNormalizer();
            case "Prepend":
                return new PrependNormalizer(Short(TokenizerFiles.Text(normalizer, "prepend", _path)));
            case "StripAccents":
                return new StripAccentsNormalizer();
            case "Nmt":
                return new NmtNormalizer();
            case "NFC":
                return new UnicodeNormalizer(NormalizationForm.FormC);
            case "NFD":
                return new UnicodeNormalizer(NormalizationForm.FormD);
            case "NFKC":
                return new UnicodeNormalizer(NormalizationForm.FormKC);
            case "NFKD":
                return new UnicodeNormalizer(NormalizationForm.FormKD);
            default:
                throw new InvalidDataException($"its normalizer '{type}' is not supported");
        }
    }

    private ReplaceNormalizer ReadReplace(JsonElement normalizer)
    {
        string content = Short(TokenizerFiles.Text(normalizer, "content", _path));
        if (TokenizerFiles.Property(normalizer, "pattern") is not { ValueKind: JsonValueKind.Object } pattern)
        {
            throw new InvalidDataException("a 'Replace' normalizer has no pattern");
        }

        if (TokenizerFiles.Text(pattern, "String", _path) is { } literal)
        {
            return ReplaceNormalizer.Literal(literal, content);
        }

        string regex = TokenizerFiles.Text(pattern, "Regex", _path) ?? string.Empty;
        return RunOfOneCharacter(regex) is { } run
            ? ReplaceNormalizer.Run(run.Character, run.Least, content)
            : throw new InvalidDataException($"the regular expression '{regex}' of its normalizer is not among the supported ones (such as ' {{2,}}')");
    }

    /// <summary>Recognises "c{n,}", "c+", "c" and the same with "[c]", for a character without a meaning of its own.</summary>
    private static (char Character, int Least)? RunOfOneCharacter(string regex)
    {
        ReadOnlySpan<char> rest = regex;
        char character;
        if (rest is ['[', _, ']', ..] && rest[1] is not ('^' or '\\'))
        {
            character = rest[1];
            rest = rest[3..];
        }
        else if (rest is [_, ..] && !@"\^$.|?*+()[]{}".Contains(rest[0]))
        {
            character = rest[0];
            rest = rest[1..];
        }
        else
        {
            return null;
        }

        return rest switch
        {
            [] => null,
            ['+'] => (character, 1),
            ['{', .. var number, ',', '}'] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int least) && least > 0 => (character, least),
            _ => null,
        };
    }

    private PreTokenizer? ReadPreTokenizer(JsonElement? node)
    {
        if (node is not { } preTokenizer)
        {
            return null;
        }

        string type = TypeOf(preTokenizer, "pre_tokenizer");
        return type switch
        {
            "Sequence" => new SequencePreTokenizer(
                [.. Array(TokenizerFiles.Property(preTokenizer, "pretokenizers"), "pretokenizers").Select(step => ReadPreTokenizer(step)).OfType<PreTokenizer>()]),
            "WhitespaceSplit" => new WhitespaceSplitPreTokenizer(),
            "Metaspace" => new MetaspacePreTokenizer(
                Replacement(preTokenizer), Scheme(preTokenizer), TokenizerFiles.Boolean(preTokenizer, "split", _path) ?? true),
            "ByteLevel" => new ByteLevelPreTokenizer(
                TokenizerFiles.Boolean(preTokenizer, "add_prefix_space", _path) ?? true, TokenizerFiles.Boolean(preTokenizer, "use_regex", _path) ?? true),
            _ => throw new InvalidDataException($"its pre_tokenizer '{type}' is not supported"),
        };
    }

    private char Replacement(JsonElement metaspace) =>
        (TokenizerFiles.Text(metaspace, "replacement", _path) ?? "\u2581") is [char sign]
            ? sign
            : throw new InvalidDataException("the replacement of a 'Metaspace' is not one character");

    private PrependScheme Scheme(JsonElement metaspace)
    {
        if (TokenizerFiles.Boolean(metaspace, "add_prefix_space", _path) == false)
        {
            return PrependScheme.Never;
        }

        string scheme = TokenizerFiles.Text(metaspace, "prepend_scheme", _path) ?? "always";
        return scheme switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw new InvalidDataException($"the prepend_scheme '{scheme}' of a 'Metaspace' is not known"),
        };
    }

    private TokenJoiner? ReadDecoder(JsonElement? node)
    {
        if (node is not { } decoder)
        {
            return new SpaceSignJoiner(null, dropsFirst: false);
        }

        // Decoding is not needed to make music: an unknown decoder is only an error once somebody decodes.
        return TypeOf(decoder, "decoder") switch
        {
            "Metaspace" => new SpaceSignJoiner(Replacement(decoder), Scheme(decoder) != PrependScheme.Never),
            "ByteLevel" => new ByteLevelJoiner(),
            _ => null,
        };
    }

    private (List<int> Before, List<int> After) ReadPostProcessor(JsonElement? node)
    {
        List<int> before = [];
        List<int> after = [];
        if (node is not { } processor)
        {
            return (before, after);
        }

        string type = TypeOf(processor, "post_processor");
        switch (type)
        {
            case "ByteLevel": // only changes offsets, which nobody asks for
                return (before, after);
            case "RobertaProcessing" or "BertProcessing":
                return ([TokenOf(processor, "cls")], [TokenOf(processor, "sep")]);
            case "TemplateProcessing":
                return ReadTemplate(processor, before, after);
            default:
                throw new InvalidDataException($"its post_processor '{type}' is not supported");
        }
    }

    /// <summary>The id of [text, id], the form of a post_processor's tokens.</summary>
    private static int TokenOf(JsonElement processor, string name) =>
        TokenizerFiles.Property(processor, name) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
        && pair[1].ValueKind == JsonValueKind.Number && pair[1].TryGetInt32(out int id) && id >= 0
            ? id
            : throw new InvalidDataException($"the '{name}' of its post_processor is not [token, id]");

    private (List<int> Before, List<int> After) ReadTemplate(JsonElement processor, List<int> before, List<int> after)
    {
        bool sequenceSeen = false;
        foreach (JsonElement item in Array(TokenizerFiles.Property(processor, "single"), "single"))
        {
            if (TokenizerFiles.Property(item, "Sequence") is not null)
            {
                sequenceSeen = !sequenceSeen ? true : throw new InvalidDataException("its template names the sequence twice");
            }
            else if (TokenizerFiles.Property(item, "SpecialToken") is { } special && TokenizerFiles.Text(special, "id", _path) is { } name)
            {
                (sequenceSeen ? after : before).AddRange(TemplateIds(processor, name));
            }
            else
            {
                throw new InvalidDataException("its template holds an item of an unknown form");
            }
        }

        return sequenceSeen ? (before, after) : throw new InvalidDataException("its template leaves the sequence out");
    }

    private IEnumerable<int> TemplateIds(JsonElement processor, string name)
    {
        if (TokenizerFiles.Property(processor, "special_tokens") is not { } tokens || TokenizerFiles.Property(tokens, name) is not { } token)
        {
            throw new InvalidDataException($"its template uses '{name}', which its special_tokens do not define");
        }

        return Array(TokenizerFiles.Property(token, "ids"), "ids").Select(id =>
            id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int value) && value >= 0
                ? value
                : throw new InvalidDataException($"an id of '{name}' in its template is not a token id"));
    }

    private static string Short(string? replacement) => (replacement ?? string.Empty).Length <= LongestReplacement
        ? replacement ?? string.Empty
        : throw new InvalidDataException($"a normalizer puts in {replacement!.Length} characters at once; at most {LongestReplacement} are allowed");

    private string TypeOf(JsonElement node, string name) =>
        TokenizerFiles.Text(node, "type", _path) ?? throw new InvalidDataException($"its {name} has no type");

    private JsonElement.ArrayEnumerator Array(JsonElement? node, string name) =>
        node is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : throw new InvalidDataException($"'{name}' is not a list");
}
