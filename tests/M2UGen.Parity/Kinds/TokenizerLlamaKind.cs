using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>The LLaMA tokenizer with the case's own vocabulary, with and without legacy behaviour.</summary>
internal sealed class TokenizerLlamaKind : IParityKind
{
    public bool Handles(string kind) => kind == "tokenizer-llama";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        Dictionary<string, LlamaTextTokenizer> loaded = [];
        foreach (string table in TokenizerTables.Names(c))
        {
            string folder = TokenizerTables.FolderOf(c, table);
            if (!loaded.TryGetValue(folder, out LlamaTextTokenizer? tokenizer))
            {
                loaded[folder] = tokenizer = LlamaTextTokenizer.Load(folder);
                if (loaded.Count == 1)
                {
                    LlamaTokenizerTables.CheckCase(c, report, tokenizer);
                }
            }

            LlamaTokenizerTables.Run(c, report, table, tokenizer, cancellationToken);
        }
    }
}
