using System.Text.Json;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>Reads the <c>model</c> of a <c>tokenizer.json</c>: vocabulary and scores, or vocabulary and merges.</summary>
internal static class TokenizerJsonModels
{
    /// <summary>The type of T5's vocabularies.</summary>
    public const string Unigram = "Unigram";

    /// <summary>The type of GPT-2's and RoBERTa's vocabularies.</summary>
    public const string BytePair = "BPE";

    /// <summary>Reads the model, which must be of the type <paramref name="type"/>.</summary>
    /// <exception cref="InvalidDataException">It is not, or cannot be used.</exception>
    public static TokenModel Read(JsonElement model, string type, string path)
    {
        // The oldest files do not name the type: a list of pieces and scores is unigram, a dictionary BPE.
        bool isList = TokenizerFiles.Property(model, "vocab") is { ValueKind: JsonValueKind.Array };
        string found = TokenizerFiles.Text(model, "type", path) ?? (isList || type == Unigram ? Unigram : BytePair);
        if (found != type)
        {
            throw new InvalidDataException($"its model is '{found}'; expected is '{type}'");
        }

        return type == Unigram ? ReadUnigram(model, path) : ReadBytePair(model, path);
    }

    private static UnigramModel ReadUnigram(JsonElement model, string path)
    {
        if (TokenizerFiles.Property(model, "vocab") is not { ValueKind: JsonValueKind.Array } vocab)
        {
            throw new InvalidDataException("its model has no 'vocab' list");
        }

        List<(string, double)> vocabulary = new(vocab.GetArrayLength());
        foreach (JsonElement entry in vocab.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number || !entry[1].TryGetDouble(out double score))
            {
                throw new InvalidDataException($"entry {vocabulary.Count} of its vocabulary is not [piece, score]");
            }

            vocabulary.Add((TokenizerFiles.String(entry[0], "vocab", path), score));
        }

        int unknown = TokenizerFiles.Integer(model, "unk_id", path) ?? -1;
        return new UnigramModel(vocabulary, Math.Max(unknown, -1), TokenizerFiles.Boolean(model, "byte_fallback", path) ?? false);
    }

    private static RankedBytePairModel ReadBytePair(JsonElement model, string path)
    {
        // Each of these would change the ids; none is used with bytes.
        Refuse(TokenizerFiles.Property(model, "dropout") is { } dropout && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0), "dropout");
        Refuse(!string.IsNullOrEmpty(TokenizerFiles.Text(model, "continuing_subword_prefix", path)), "continuing_subword_prefix");
        Refuse(!string.IsNullOrEmpty(TokenizerFiles.Text(model, "end_of_word_suffix", path)), "end_of_word_suffix");
        Refuse(TokenizerFiles.Boolean(model, "byte_fallback", path) == true, "byte_fallback");
        return new RankedBytePairModel(
            ReadVocabulary(TokenizerFiles.Property(model, "vocab"), path),
            ReadMerges(TokenizerFiles.Property(model, "merges"), path),
            TokenizerFiles.Text(model, "unk_token", path),
            TokenizerFiles.Boolean(model, "fuse_unk", path) ?? false,
            TokenizerFiles.Boolean(model, "ignore_merges", path) ?? false);

        static void Refuse(bool asked, string name)
        {
            if (asked)
            {
                throw new InvalidDataException($"its model sets '{name}', which is not supported");
            }
        }
    }

    /// <summary>Reads a dictionary of tokens and ids.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static List<KeyValuePair<string, int>> ReadVocabulary(JsonElement? node, string path)
    {
        if (node is not { ValueKind: JsonValueKind.Object } vocab)
        {
            throw new InvalidDataException("its vocabulary is not a dictionary of tokens and ids");
        }

        List<KeyValuePair<string, int>> vocabulary = [];
        foreach (JsonProperty entry in vocab.EnumerateObject())
        {
            vocabulary.Add(new(NameOf(entry, path), entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int id)
                ? id
                : throw new InvalidDataException($"entry {vocabulary.Count} of its vocabulary has no whole number as id")));
        }

        return vocabulary;
    }

    /// <summary>The two parts of a merge that is written as one text, or null.</summary>
    public static (string Left, string Right)? ParseMerge(string line) => line.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right] ? (left, right) : null;

    private static List<(string Left, string Right)> ReadMerges(JsonElement? node, string path)
    {
        if (node is not { ValueKind: JsonValueKind.Array } list)
        {
            throw new InvalidDataException("its model has no 'merges' list");
        }

        List<(string, string)> merges = new(list.GetArrayLength());
        foreach (JsonElement entry in list.EnumerateArray())
        {
            (string, string)? merge = entry.ValueKind switch
            {
                JsonValueKind.String => ParseMerge(TokenizerFiles.String(entry, "merges", path)),
                JsonValueKind.Array when entry.GetArrayLength() == 2 && entry.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
                    (TokenizerFiles.String(entry[0], "merges", path), TokenizerFiles.String(entry[1], "merges", path)),
                _ => null,
            };
            merges.Add(merge ?? throw new InvalidDataException($"merge {merges.Count} is not a pair of tokens"));
        }

        return merges;
    }

    private static string NameOf(JsonProperty entry, string path)
    {
        try
        {
            return entry.Name;
        }
        catch (InvalidOperationException error)
        {
            throw new ModelBundleException(path, $"A token in the vocabulary of '{path}' is not valid text.", error);
        }
    }
}
