using System.Security.Cryptography;
using System.Text;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>The LLaMA tokenizer with the real vocabulary, which is not ours to ship: the user names a file that holds it.</summary>
internal sealed class TokenizerLlamaRealKind : IParityKind
{
    public bool Handles(string kind) => kind == "tokenizer-llama-real";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        if (c.Options.LlamaVocabulary is not { } path)
        {
            foreach (string table in TokenizerTables.Names(c))
            {
                report.Skip(table, "needs the real LLaMA vocabulary: name a file that holds it with --llama-vocabulary (recipe in case.json)");
            }

            return;
        }

        LlamaVocabularyFile vocabulary = LlamaVocabularyFile.Load(path);
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', vocabulary.Pieces))));
        string expected = c.Json.GetProperty("vocabulary_sha256").GetString()!;
        report.Check("vocabulary_sha256", hash == expected, $"'{path}' holds {vocabulary.Pieces.Count} pieces with the hash {hash}, expected {expected}");
        if (hash != expected)
        {
            return;
        }

        LlamaTextTokenizer tokenizer = LlamaTextTokenizer.FromBytes(vocabulary.Model);
        LlamaTokenizerTables.CheckCase(c, report, tokenizer);
        foreach (string table in TokenizerTables.Names(c))
        {
            LlamaTokenizerTables.Run(c, report, table, tokenizer, cancellationToken);
        }
    }
}
