namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// The T5 tokenizer in its FAST form, which the reference runs: the user's <c>tokenizer.json</c> decides about normalisation and cutting;
/// without one it is made from <c>spiece.model</c>. Immutable and thread-safe.
/// Source: transformers T5TokenizerFast (4.35.2).
/// </summary>
internal sealed class T5TextTokenizer : FastTextTokenizer
{
    private T5TextTokenizer(FastTokenizerParts parts, TokenizerSettings settings)
        : base(parts, settings, SpecialTokens(parts.Model, settings))
    {
    }

    /// <summary>Loads the tokenizer of a model directory.</summary>
    /// <param name="directory">Holds <c>tokenizer.json</c> or <c>spiece.model</c>, and <c>tokenizer_config.json</c> where there is one.</param>
    /// <exception cref="ModelBundleException">A file is missing, damaged, or asks for something unknown.</exception>
    public static T5TextTokenizer Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        TokenizerSettings settings = TokenizerSettings.Load(directory);
        string json = Path.Combine(directory, "tokenizer.json");
        string spiece = Path.Combine(directory, "spiece.model");
        FastTokenizerParts parts = File.Exists(json) ? TokenizerJson.Load(json, TokenizerJsonModels.Unigram)
            : File.Exists(spiece) ? SentencePieceConversion.Load(spiece, settings)
            : throw new ModelBundleException(
                directory, $"'{directory}' has neither 'tokenizer.json' nor 'spiece.model'. Copy the text encoder's tokenizer files there.");
        try
        {
            return new T5TextTokenizer(parts, settings);
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(parts.Path, $"'{parts.Path}' is not a usable tokenizer: {broken.Message}.", broken);
        }
    }

    private static IEnumerable<AddedToken> SpecialTokens(TokenModel model, TokenizerSettings settings) =>
    [
        .. new[] { settings.Eos ?? Special("</s>"), settings.Unknown ?? Special("<unk>"), settings.Pad ?? Special("<pad>") }
            .Select(token => token with { Normalized = false }),
        .. (settings.AdditionalSpecial ?? ExtraIds(model)).Select(token => token with { Normalized = false }),
    ];

    private static IEnumerable<AddedToken> ExtraIds(TokenModel model) =>
        Enumerable.Range(0, model.Count)
            .Select(model.Piece)
            .OfType<string>()
            .Where(piece => piece.StartsWith("<extra_id_", StringComparison.Ordinal))
            .Select(Special);
}
