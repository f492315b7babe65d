using System.Text;
using System.Text.Json;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Makes a fast RoBERTa tokenizer from <c>vocab.json</c> and <c>merges.txt</c> where there is no <c>tokenizer.json</c>, as transformers'
/// converter does. Source: transformers convert_slow_tokenizer.py, <c>RobertaConverter</c>; tokenization_roberta.py for the reading of merges.
/// </summary>
internal static class VocabularyAndMerges
{
    private const int LongestFile = 24 << 20;

    /// <summary>The file of tokens and ids.</summary>
    public const string VocabularyFile = "vocab.json";

    /// <summary>The file of merges, one a line, behind a line that tells the version.</summary>
    public const string MergesFile = "merges.txt";

    /// <summary>Reads the two files of <paramref name="directory"/>.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="first">The token in front of every text.</param>
    /// <param name="last">The token behind every text.</param>
    /// <exception cref="ModelBundleException">A file is missing or damaged.</exception>
    public static FastTokenizerParts Load(string directory, string first, string last)
    {
        string path = Path.Combine(directory, VocabularyFile);
        using JsonDocument document = TokenizerFiles.ReadJson(path);
        try
        {
            RankedBytePairModel model = new(TokenizerJsonModels.ReadVocabulary(document.RootElement, path), ReadMerges(Path.Combine(directory, MergesFile)));
            return new FastTokenizerParts
            {
                Path = path,
                Model = model,
                PreTokenizer = new ByteLevelPreTokenizer(addPrefixSpace: false),
                Before = [IdOf(model, first)],
                After = [IdOf(model, last)],
                Joiner = new ByteLevelJoiner(),
            };
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(path, $"'{path}' is not a usable vocabulary: {broken.Message}.", broken);
        }
    }

    private static List<(string Left, string Right)> ReadMerges(string path)
    {
        // Whatever the first line says it is no merge, and what stands behind the last line break is none either.
        string[] lines = Encoding.UTF8.GetString(TokenizerFiles.ReadAllBytes(path, LongestFile)).Split('\n');
        List<(string, string)> merges = new(lines.Length);
        HashSet<(string, string)> known = [];
        for (int i = 1; i + 1 < lines.Length; i++)
        {
            (string, string) merge = TokenizerJsonModels.ParseMerge(lines[i].TrimEnd('\r'))
                ?? throw new ModelBundleException(path, $"Line {i + 1} of '{path}' is not a pair of tokens with a space between.");
            if (known.Add(merge))
            {
                merges.Add(merge);
            }
        }

        return merges;
    }

    private static int IdOf(RankedBytePairModel model, string token) =>
        model.IdOf(token) is >= 0 and int id ? id : throw new InvalidDataException($"it lacks '{token}', which stands around every text");
}
