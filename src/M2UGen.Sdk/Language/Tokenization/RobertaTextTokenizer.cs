namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// The RoBERTa tokenizer (byte-level BPE) in its FAST form, which the reference runs in front of CLAP's text tower: the user's
/// <c>tokenizer.json</c> decides; without one it is made from <c>vocab.json</c> and <c>merges.txt</c>. Immutable and thread-safe.
/// Source: transformers RobertaTokenizerFast (4.35.2).
/// </summary>
/// <remarks>
/// As there, whether a text gets a space in front is told by <c>tokenizer_config.json</c> alone (<c>add_prefix_space</c>, false without it),
/// and <c>&lt;mask&gt;</c> swallows the white space before it unless a file says otherwise.
/// </remarks>
internal sealed class RobertaTextTokenizer : FastTextTokenizer
{
    private RobertaTextTokenizer(FastTokenizerParts parts, TokenizerSettings settings)
        : base(parts, settings, SpecialTokens(settings))
    {
    }

    /// <summary>Loads the tokenizer of a model directory.</summary>
    /// <param name="directory">Holds <c>tokenizer.json</c>, or <c>vocab.json</c> and <c>merges.txt</c>; and <c>tokenizer_config.json</c> where there is one.</param>
    /// <exception cref="ModelBundleException">A file is missing, damaged, or asks for something unknown.</exception>
    public static RobertaTextTokenizer Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        TokenizerSettings settings = TokenizerSettings.Load(directory);
        string json = Path.Combine(directory, "tokenizer.json");
        FastTokenizerParts parts = File.Exists(json) ? TokenizerJson.Load(json, TokenizerJsonModels.BytePair)
            : File.Exists(Path.Combine(directory, VocabularyAndMerges.VocabularyFile))
                ? VocabularyAndMerges.Load(directory, (settings.Cls ?? Special("<s>")).Content, (settings.Sep ?? Special("</s>")).Content)
                : throw new ModelBundleException(
                    directory, $"'{directory}' has neither 'tokenizer.json' nor 'vocab.json' and 'merges.txt'. Copy the text encoder's tokenizer files there.");
        if (parts.PreTokenizer is ByteLevelPreTokenizer byteLevel)
        {
            parts = parts with { PreTokenizer = byteLevel.WithPrefixSpace(settings.AddPrefixSpace ?? false) };
        }

        try
        {
            return new RobertaTextTokenizer(parts, settings);
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(parts.Path, $"'{parts.Path}' is not a usable tokenizer: {broken.Message}.", broken);
        }
    }

    private static IEnumerable<AddedToken> SpecialTokens(TokenizerSettings settings) =>
    [
        settings.Bos ?? Special("<s>"),
        settings.Eos ?? Special("</s>"),
        settings.Unknown ?? Special("<unk>"),
        settings.Sep ?? Special("</s>"),
        settings.Pad ?? Special("<pad>"),
        settings.Cls ?? Special("<s>"),
        settings.Mask ?? (Special("<mask>") with { LeftStrip = true }),
        .. settings.AdditionalSpecial ?? [],
    ];
}
