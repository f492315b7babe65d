namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>The prompt around an instruction (reference utils.py <c>format_prompt</c>).</summary>
internal static class PromptTemplate
{
    private const string Before =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n";

    private const string After = "\n\n### Response:";

    /// <summary>Puts <paramref name="instruction"/> into the template.</summary>
    public static string Format(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return string.Concat(Before, instruction, After);
    }
}
