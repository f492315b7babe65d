using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>What a piece of a SentencePiece vocabulary is (ModelProto.SentencePiece.Type).</summary>
internal enum PieceType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>One row of the vocabulary; its index is the token id.</summary>
internal readonly record struct SentencePiece(string Text, float Score, PieceType Type);

/// <summary>
/// A SentencePiece model file (<c>tokenizer.model</c>, <c>spiece.model</c>): vocabulary, trainer and normaliser settings.
/// Source: sentencepiece_model.proto of google/sentencepiece. Only what encoding and decoding need is kept.
/// </summary>
internal sealed class SentencePieceModel
{
    /// <summary>The model type of <see cref="ModelType"/> that is a unigram language model.</summary>
    public const int Unigram = 1;

    /// <summary>The model type of <see cref="ModelType"/> that is byte pair encoding.</summary>
    public const int BytePair = 2;

    // Far above any vocabulary in use, far below what would hurt.
    private const int LongestFile = 24 << 20;
    private const int LongestPiece = 1024;
    private const int MostPieces = 1 << 20;
    private const int LongestSurface = 256;

    private readonly List<SentencePiece> _pieces = [];

    private SentencePieceModel()
    {
    }

    /// <summary>The vocabulary in id order.</summary>
    public IReadOnlyList<SentencePiece> Pieces => _pieces;

    /// <summary>1 unigram, 2 BPE, 3 word, 4 char.</summary>
    public int ModelType { get; private set; } = Unigram;

    /// <summary>Whether an unknown character becomes its UTF-8 bytes' pieces.</summary>
    public bool ByteFallback { get; private set; }

    /// <summary>What a decoded unknown token shows as.</summary>
    public string UnknownSurface { get; private set; } = " \u2047 ";

    /// <summary>Id of the unknown piece.</summary>
    public int UnknownId { get; private set; }

    /// <summary>Id of the beginning of a sequence, -1 if the vocabulary has none.</summary>
    public int BosId { get; private set; } = 1;

    /// <summary>Id of the end of a sequence, -1 if the vocabulary has none.</summary>
    public int EosId { get; private set; } = 2;

    /// <summary>The compiled character map of the normaliser; empty for the identity.</summary>
    public byte[] PrecompiledCharsMap { get; private set; } = [];

    /// <summary>Whether a text gets a space in front.</summary>
    public bool AddDummyPrefix { get; private set; } = true;

    /// <summary>Whether leading, trailing and repeated spaces go.</summary>
    public bool RemoveExtraWhitespaces { get; private set; } = true;

    /// <summary>Whether a space becomes ▁ (U+2581).</summary>
    public bool EscapeWhitespaces { get; private set; } = true;

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="ModelBundleException">The file is missing, too large or not a SentencePiece model.</exception>
    public static SentencePieceModel Load(string path) => Parse(TokenizerFiles.ReadAllBytes(path, LongestFile), path);

    /// <summary>Reads a model from memory; <paramref name="path"/> only names it in errors.</summary>
    /// <exception cref="ModelBundleException">The bytes are not a SentencePiece model.</exception>
    public static SentencePieceModel Parse(ReadOnlySpan<byte> bytes, string path)
    {
        SentencePieceModel model = new();
        try
        {
            model.ReadModel(bytes);
        }
        catch (InvalidDataException broken)
        {
            throw new ModelBundleException(
                path, $"'{path}' is not a readable SentencePiece model: {broken.Message}. Copy the tokenizer file again.", broken);
        }

        return model;
    }

    private void ReadModel(ReadOnlySpan<byte> bytes)
    {
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    ReadPiece(reader.Bytes);
                    break;
                case 2:
                    ReadTrainer(reader.Bytes);
                    break;
                case 3:
                    ReadNormalizer(reader.Bytes);
                    break;
                default:
                    break;
            }
        }

        if (_pieces.Count == 0)
        {
            throw new InvalidDataException("it holds no pieces");
        }

        // The file's own row of type "unknown" decides, as in SentencePiece; the trainer's number is only a wish.
        int unknown = _pieces.FindIndex(piece => piece.Type == PieceType.Unknown);
        UnknownId = unknown >= 0 ? unknown : throw new InvalidDataException("no piece has the type 'unknown'");
    }

    private void ReadPiece(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> text = default;
        float score = 0;
        PieceType type = PieceType.Normal;
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = reader.Bytes;
                    break;
                case 2:
                    score = reader.Single;
                    break;
                case 3:
                    type = (PieceType)reader.Int32;
                    break;
                default:
                    break;
            }
        }

        if (text.IsEmpty || text.Length > LongestPiece)
        {
            throw new InvalidDataException($"piece {_pieces.Count} is {text.Length} bytes long; 1 to {LongestPiece} are allowed");
        }

        if (float.IsNaN(score) || type is < PieceType.Normal or > PieceType.Byte)
        {
            throw new InvalidDataException($"piece {_pieces.Count} has the score {score} and the type {(int)type}");
        }

        if (_pieces.Count == MostPieces)
        {
            throw new InvalidDataException($"it holds more than {MostPieces} pieces");
        }

        _pieces.Add(new SentencePiece(Decode(text), score, type));
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    ModelType = reader.Int32;
                    break;
                case 24 when reader.Boolean:
                    throw new InvalidDataException("it treats white space as a suffix, which no model of this family does");
                case 35:
                    ByteFallback = reader.Boolean;
                    break;
                case 41:
                    BosId = reader.Int32;
                    break;
                case 42:
                    EosId = reader.Int32;
                    break;
                case 44:
                    UnknownSurface = reader.Bytes.Length <= LongestSurface
                        ? Decode(reader.Bytes)
                        : throw new InvalidDataException($"an unknown token shows as {reader.Bytes.Length} bytes; at most {LongestSurface} are allowed");
                    break;
                default:
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    PrecompiledCharsMap = reader.Bytes.ToArray();
                    break;
                case 3:
                    AddDummyPrefix = reader.Boolean;
                    break;
                case 4:
                    RemoveExtraWhitespaces = reader.Boolean;
                    break;
                case 5:
                    EscapeWhitespaces = reader.Boolean;
                    break;
                default:
                    break;
            }
        }
    }

    private static string Decode(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Strict.GetString(utf8);
        }
        catch (DecoderFallbackException broken)
        {
            throw new InvalidDataException("a text in it is not UTF-8", broken);
        }
    }

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}
