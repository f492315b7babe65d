using M2UGen.Export.Graph;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes SentencePiece models of a published size whose pieces are made up: runs of two to four letters.</summary>
/// <remarks>Source: sentencepiece_model.proto of google/sentencepiece. Any text can be encoded and comes back; what a token stands for means nothing.</remarks>
internal static class VocabularyWriter
{
    private const string Letters = "etaoinsrhldcumfpgwybvkxjqz";
    private const char Space = '\u2581';

    private enum Kind
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        Byte = 6,
    }

    /// <summary>LLaMA's <c>tokenizer.model</c>: byte pair encoding with bytes as the fallback.</summary>
    /// <param name="size">Number of pieces, 32000 in the published model.</param>
    public static byte[] Llama(int size)
    {
        List<(string Text, float Score, Kind Kind)> pieces = [("<unk>", 0, Kind.Unknown), ("<s>", 0, Kind.Control), ("</s>", 0, Kind.Control)];
        for (int value = 0; value < 256; value++)
        {
            pieces.Add(($"<0x{value:X2}>", 0, Kind.Byte));
        }

        // As in the published file: merges first, single characters last; the score falls from row to row.
        string[] characters = [.. Characters()];
        foreach (string text in Runs().Take(size - pieces.Count - characters.Length).Concat(characters))
        {
            pieces.Add((text, 259 - pieces.Count, Kind.Normal));
        }

        return Model(pieces, modelType: 2, byteFallback: true, unknown: 0, beginning: 1, end: 2, padding: -1);
    }

    /// <summary>T5's <c>spiece.model</c>: a unigram model.</summary>
    /// <param name="size">Number of pieces, 32000 in the published model.</param>
    public static byte[] T5(int size)
    {
        List<(string Text, float Score, Kind Kind)> pieces = [("<pad>", 0, Kind.Control), ("</s>", 0, Kind.Control), ("<unk>", 0, Kind.Unknown)];
        string[] characters = [.. Characters()];
        foreach (string text in characters.Concat(Runs()).Take(size - pieces.Count))
        {
            // A longer piece costs less than its parts together.
            pieces.Add((text, -9 - (0.5f * text.Length), Kind.Normal));
        }

        return Model(pieces, modelType: 1, byteFallback: false, unknown: 2, beginning: -1, end: 1, padding: 0);
    }

    private static IEnumerable<string> Characters()
    {
        yield return Space.ToString();
        for (char character = '!'; character <= '~'; character++)
        {
            yield return character.ToString();
        }
    }

    /// <summary>Two, three and four letters, the first perhaps a space; every run can be merged from runs before it.</summary>
    private static IEnumerable<string> Runs()
    {
        string first = Space + Letters;
        string[] two = [.. first.SelectMany(a => Letters.Select(b => $"{a}{b}"))];
        IEnumerable<string> three = two.SelectMany(run => Letters.Select(c => run + c));
        IEnumerable<string> four = two.SelectMany(run => two.Where(other => other[0] != Space).Select(other => run + other));
        return two.Concat(three).Concat(four);
    }

    private static byte[] Model(List<(string Text, float Score, Kind Kind)> pieces, int modelType, bool byteFallback, int unknown, int beginning, int end, int padding)
    {
        ProtoWriter writer = new();
        foreach ((string text, float score, Kind kind) in pieces)
        {
            writer.Message(1, piece =>
            {
                piece.String(1, text);
                piece.Float(2, score);
                piece.Int64(3, (long)kind);
            });
        }

        writer.Message(2, trainer =>
        {
            trainer.Int64(3, modelType);
            trainer.Int64(4, pieces.Count);
            trainer.Int64(35, byteFallback ? 1 : 0);
            trainer.Int64(40, unknown);
            trainer.Int64(41, beginning);
            trainer.Int64(42, end);
            trainer.Int64(43, padding);
        });
        writer.Message(3, normalizer =>
        {
            normalizer.String(1, "identity");
            normalizer.Int64(3, 1);
            normalizer.Int64(4, modelType == 1 ? 1 : 0);
            normalizer.Int64(5, 1);
        });
        return writer.Written.ToArray();
    }
}
