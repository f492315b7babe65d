using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>The prompt around an instruction (reference utils.py <c>format_prompt</c>).</summary>
internal static class PromptTemplate
{
    private const string Opening =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

    private const string Before = "\n\n### Instruction:\n";

    private const string After = "\n\n### Response:";

    /// <summary>What every prompt begins with.</summary>
    public const string Head = Opening + Before;

    /// <summary>Puts <paramref name="instruction"/> into the template.</summary>
    public static string Format(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return string.Concat(Opening, Before, instruction, After);
    }

    /// <summary>
    /// The same with earlier turns before it, oldest first. The reference has no such form: its rows hold one turn, the answer directly behind the colon, and
    /// that block is repeated:
    /// <code>
    /// Below is an instruction … request.¶¶### Instruction:¶{first}¶¶### Response:{answer}¶¶### Instruction:¶{second}¶¶### Response:
    /// </code>
    /// </summary>
    public static string Format(IEnumerable<PastTurn> history, string instruction)
    {
        StringBuilder text = new(Opening);
        foreach (PastTurn turn in history)
        {
            text.Append(Before).Append(turn.Instruction).Append(After).Append(turn.Answer);
        }

        return text.Append(Before).Append(instruction).Append(After).ToString();
    }
}
