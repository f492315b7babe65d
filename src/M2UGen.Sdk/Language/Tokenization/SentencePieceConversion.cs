using System.Globalization;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Makes a fast T5 tokenizer from <c>spiece.model</c> where there is no <c>tokenizer.json</c>, as transformers' converter does (4.46:
/// character map, white space at the right end stripped, runs of spaces to one ▁, Metaspace; 100 extra ids behind the pieces, last first).
/// Source: transformers convert_slow_tokenizer.py, <c>SpmConverter</c> and <c>T5Converter</c>.
/// </summary>
internal static class SentencePieceConversion
{
    private const int DefaultExtraIds = 100;
    private const int MostExtraIds = 100_000;

    /// <summary>Reads the file.</summary>
    /// <exception cref="ModelBundleException">The file is missing, damaged or not a unigram model.</exception>
    public static FastTokenizerParts Load(string path, TokenizerSettings settings)
    {
        SentencePieceModel model = SentencePieceModel.Load(path);
        try
        {
            return Convert(model, settings, path);
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(path, $"'{path}' is not a usable vocabulary: {broken.Message}.", broken);
        }
    }

    private static FastTokenizerParts Convert(SentencePieceModel model, TokenizerSettings settings, string path)
    {
        if (model.ModelType != SentencePieceModel.Unigram)
        {
            throw new InvalidDataException($"its model type is {model.ModelType}; a T5 vocabulary is unigram (1)");
        }

        int extraIds = settings.ExtraIds ?? DefaultExtraIds;
        if (extraIds is < 0 or > MostExtraIds)
        {
            throw new InvalidDataException($"tokenizer_config.json asks for {extraIds} extra ids");
        }

        List<(string, double)> vocabulary = [.. model.Pieces.Select(piece => (piece.Text, (double)piece.Score))];
        for (int i = extraIds - 1; i >= 0; i--)
        {
            vocabulary.Add((string.Create(CultureInfo.InvariantCulture, $"<extra_id_{i}>"), 0));
        }

        List<TextNormalizer> steps = [];
        if (CharsMap.Parse(model.PrecompiledCharsMap) is { } map)
        {
            steps.Add(new PrecompiledNormalizer(map));
        }

        steps.Add(new StripNormalizer(left: false, right: true));
        steps.Add(ReplaceNormalizer.Run(' ', 2, "\u2581"));
        UnigramModel unigram = new(vocabulary, model.UnknownId, model.ByteFallback);
        string eos = settings.Eos?.Content ?? "</s>";
        int eosId = unigram.IdOf(eos);
        return new FastTokenizerParts
        {
            Path = path,
            Model = unigram,
            Normalizer = new SequenceNormalizer(steps),
            PreTokenizer = new MetaspacePreTokenizer('\u2581', settings.Legacy ?? true ? PrependScheme.Always : PrependScheme.First, split: true),
            AddedTokens =
            [
                .. model.Pieces
                    .Select((piece, id) => (piece, id))
                    .Where(entry => entry.piece.Type is PieceType.Control or PieceType.UserDefined)
                    .Select(entry => new AddedToken(entry.piece.Text, entry.id) { Special = entry.piece.Type == PieceType.Control }),
            ],
            After = eosId >= 0 ? [eosId] : throw new InvalidDataException($"it has no piece for the end token '{eos}'"),
            Joiner = new SpaceSignJoiner('\u2581', dropsFirst: true),
        };
    }
}
