using System.Buffers;
using System.Text;
using System.Text.Json;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes vocabularies of a published size whose pieces are made up: runs of two to four letters.</summary>
/// <remarks>Sources: sentencepiece_model.proto of google/sentencepiece; openai/gpt-2 encoder.py (bytes_to_unicode). Any text can be encoded and comes back; what a token stands for means nothing.</remarks>
internal static class VocabularyWriter
{
    private const string Letters = "etaoinsrhldcumfpgwybvkxjqz";
    private const char Space = '\u2581';
    private const char ByteSpace = '\u0120';

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

    /// <summary>RoBERTa's <c>vocab.json</c> and <c>merges.txt</c>: byte pair encoding over bytes.</summary>
    /// <param name="size">Number of pieces, 50265 in the published model.</param>
    public static (byte[] Vocabulary, byte[] Merges) Roberta(int size)
    {
        List<string> pieces = ["<s>", "<pad>", "</s>", "<unk>", .. ByteCharacters()];
        StringBuilder merges = new("#version: 0.2\n");
        foreach ((string left, string right) in Merges(ByteSpace).Take(size - pieces.Count - 1))
        {
            pieces.Add(left + right);
            merges.Append(left).Append(' ').Append(right).Append('\n');
        }

        pieces.Add("<mask>");
        ArrayBufferWriter<byte> vocabulary = new();
        using (Utf8JsonWriter json = new(vocabulary))
        {
            json.WriteStartObject();
            for (int id = 0; id < pieces.Count; id++)
            {
                json.WriteNumber(pieces[id], id);
            }

            json.WriteEndObject();
        }

        return (vocabulary.WrittenSpan.ToArray(), Encoding.UTF8.GetBytes(merges.ToString()));
    }

    /// <summary>What stands for each byte: itself where it can be seen, else the next character above 255. The space becomes U+0120.</summary>
    private static IEnumerable<string> ByteCharacters()
    {
        int hidden = 0;
        for (int value = 0; value < 256; value++)
        {
            bool isSeen = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            yield return ((char)(isSeen ? value : 256 + hidden++)).ToString();
        }
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
    private static IEnumerable<string> Runs() => Merges(Space).Select(merge => merge.Left + merge.Right);

    private static IEnumerable<(string Left, string Right)> Merges(char space)
    {
        string first = space + Letters;
        (string Left, string Right)[] two = [.. first.SelectMany(a => Letters.Select(b => (a.ToString(), b.ToString())))];
        string[] runs = [.. two.Select(merge => merge.Left + merge.Right)];
        IEnumerable<(string, string)> three = runs.SelectMany(run => Letters.Select(c => (run, c.ToString())));
        IEnumerable<(string, string)> four = runs.SelectMany(run => runs.Where(other => other[0] != space).Select(other => (run, other)));
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
