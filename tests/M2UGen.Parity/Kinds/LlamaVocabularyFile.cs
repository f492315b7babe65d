using System.Buffers.Binary;
using System.Text;
using M2UGen.Sdk;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// A file that holds the LLaMA vocabulary: llama-tokenizer.js of the npm package llama-tokenizer-js, a SentencePiece tokenizer.model, or a
/// text with one piece a line.
/// </summary>
internal sealed class LlamaVocabularyFile
{
    private const string Constant = "llama_vocab_base64";

    // The recipe of the case: the unknown piece, two control pieces, 256 bytes, then the rest by falling score.
    private const int FirstNormalPiece = 259;
    private const float RunOfSpacesScore = -1e9f;

    private LlamaVocabularyFile(IReadOnlyList<string> pieces, byte[] model) => (Pieces, Model) = (pieces, model);

    /// <summary>The pieces in id order.</summary>
    public IReadOnlyList<string> Pieces { get; }

    /// <summary>The bytes of a SentencePiece model with these pieces.</summary>
    public byte[] Model { get; }

    /// <exception cref="ParityException">The file cannot be read or holds no vocabulary.</exception>
    public static LlamaVocabularyFile Load(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ParityException($"--llama-vocabulary '{path}' cannot be read: {e.Message}", e);
        }

        if (bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Constant + " = \"")) is >= 0 and int at)
        {
            ReadOnlySpan<byte> rest = bytes.AsSpan(at + Constant.Length + 4);
            return FromText(Convert.FromBase64String(Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)'"')])));
        }

        if (bytes.AsSpan().StartsWith("<unk>"u8))
        {
            return FromText(bytes);
        }

        try
        {
            return new LlamaVocabularyFile([.. SentencePieceModel.Parse(bytes, path).Pieces.Select(piece => piece.Text)], bytes);
        }
        catch (ModelBundleException e)
        {
            throw new ParityException(
                $"--llama-vocabulary '{path}' is neither llama-tokenizer.js, nor a SentencePiece model, nor a text with one piece a line: {e.Message}", e);
        }
    }

    private static LlamaVocabularyFile FromText(byte[] utf8)
    {
        string text = Encoding.UTF8.GetString(utf8);
        string[] pieces = (text.EndsWith('\n') ? text[..^1] : text).Split('\n');
        return new LlamaVocabularyFile(pieces, BuildModel(pieces));
    }

    private static byte[] BuildModel(string[] pieces)
    {
        using MemoryStream model = new();
        Span<byte> number = stackalloc byte[4];
        for (int i = 0; i < pieces.Length; i++)
        {
            byte[] text = Encoding.UTF8.GetBytes(pieces[i]);
            PieceType type = i == 0 ? PieceType.Unknown : i < 3 ? PieceType.Control : i < FirstNormalPiece ? PieceType.Byte : PieceType.Normal;
            float score = i < FirstNormalPiece ? 0
                : pieces[i].Length > 1 && pieces[i].All(c => c == '\u2581') ? RunOfSpacesScore
                : -(i - FirstNormalPiece);
            using MemoryStream piece = new();
            WriteBytes(piece, 1, text);
            piece.WriteByte((2 << 3) | 5);
            BinaryPrimitives.WriteSingleLittleEndian(number, score);
            piece.Write(number);
            WriteNumber(piece, 3, (int)type);
            WriteBytes(model, 1, piece.ToArray());
        }

        using MemoryStream trainer = new();
        WriteNumber(trainer, 3, SentencePieceModel.BytePair);
        WriteNumber(trainer, 35, 1);
        WriteNumber(trainer, 40, 0);
        WriteNumber(trainer, 41, 1);
        WriteNumber(trainer, 42, 2);
        WriteBytes(model, 2, trainer.ToArray());
        using MemoryStream normalizer = new();
        WriteNumber(normalizer, 3, 1);
        WriteNumber(normalizer, 4, 0);
        WriteNumber(normalizer, 5, 1);
        WriteBytes(model, 3, normalizer.ToArray());
        return model.ToArray();
    }

    private static void WriteNumber(MemoryStream stream, int field, int value)
    {
        WriteVarint(stream, field << 3);
        WriteVarint(stream, value);
    }

    private static void WriteBytes(MemoryStream stream, int field, byte[] value)
    {
        WriteVarint(stream, (field << 3) | 2);
        WriteVarint(stream, value.Length);
        stream.Write(value);
    }

    private static void WriteVarint(MemoryStream stream, int value)
    {
        uint rest = (uint)value;
        for (; rest >= 0x80; rest >>= 7)
        {
            stream.WriteByte((byte)(rest | 0x80));
        }

        stream.WriteByte((byte)rest);
    }
}
