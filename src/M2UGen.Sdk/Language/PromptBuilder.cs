using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Language;

/// <summary>Makes the tokens of a prompt, with as many earlier turns as leave room for the answer.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="contextLength">Tokens that prompt and answer may have together.</param>
internal sealed class PromptBuilder(LlamaTextTokenizer tokenizer, int contextLength)
{
    // No vocabulary has longer pieces, so a turn beyond this many characters a token cannot fit and need not be tokenized.
    private const int MostCharactersOfAToken = 256;

    /// <summary>The template around the instruction, behind the youngest turns that fit: the oldest go first, and a turn stays whole or goes.</summary>
    /// <remarks>All of <see cref="GenerationOptions.MaxNewTokens"/> stay free for the answer. An instruction that is too long by itself stands alone, and who runs it says so.</remarks>
    public int[] Build(LanguageInput input)
    {
        int room = contextLength - Math.Min(input.Options.MaxNewTokens, contextLength);
        int[] prompt = tokenizer.Encode(PromptTemplate.Format(input.Instruction));
        for (int count = 1; count <= input.History.Count; count++)
        {
            PastTurn oldest = input.History[^count];
            if ((long)oldest.Instruction.Length + oldest.Answer.Length > (long)MostCharactersOfAToken * contextLength)
            {
                break;
            }

            int[] longer = tokenizer.Encode(PromptTemplate.Format(input.History.TakeLast(count), input.Instruction));
            if (longer.Length > room)
            {
                break;
            }

            prompt = longer;
        }

        return prompt;
    }
}
