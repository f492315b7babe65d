using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Language;

/// <summary>Where the model calls end that read a prompt.</summary>
/// <remarks>
/// <para>
/// A float sum depends on how many tokens one call computes, so the ends follow from the prompt alone, whatever has been read already: behind the template's head, behind
/// each turn, and every so many tokens between. What two prompts have in common, and what of it is whole calls, is then the same numbers in both.
/// </para>
/// <code>
/// Below is … request.¶¶### Instruction:¶ | {first}¶¶### Response: | {answer}¶¶### Instruction:¶{second}¶¶### Response:
/// </code>
/// <para>A turn ends behind the colon: from there on the model has written by itself, row by row, and those rows are not what a call over many would give.</para>
/// <para>Immutable and thread-safe.</para>
/// </remarks>
internal sealed class PrefillPlan
{
    // A call over fewer tokens takes nearly as long: it reads all weights all the same. Shorter turns are read together with the next one.
    private const int LeastTurn = 16;

    private readonly int[] _head;
    private readonly int[] _turnEnd;

    /// <param name="tokenizer">Whose tokens the template becomes.</param>
    public PrefillPlan(LlamaTextTokenizer tokenizer)
    {
        // What the head's tokens are in a prompt, and not by themselves: a tokenizer may join its end with what follows.
        const string Anything = "a";
        int[] prompt = tokenizer.Encode(PromptTemplate.Format(Anything));
        _head = prompt[..prompt.AsSpan().CommonPrefixLength(tokenizer.Encode(PromptTemplate.Head))];
        _turnEnd = prompt[prompt.AsSpan().CommonPrefixLength(tokenizer.Encode(PromptTemplate.Head + Anything))..];
    }

    /// <summary>The ends of the calls, ascending; the last is the prompt's.</summary>
    /// <param name="prompt">At least one token; any, also without the template.</param>
    /// <param name="chunkSize">The most tokens of a call.</param>
    public int[] Ends(ReadOnlySpan<int> prompt, int chunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunkSize);
        List<int> ends = [];
        int start = 0;
        if (prompt.StartsWith(_head))
        {
            CutAt(_head.Length);
        }

        for (int end = start + LeastTurn; end < prompt.Length; end++)
        {
            if (end - start >= LeastTurn && _turnEnd.Length > 0 && prompt[..end].EndsWith(_turnEnd))
            {
                CutAt(end);
            }
        }

        CutAt(prompt.Length);
        return [.. ends];

        void CutAt(int end)
        {
            while (start < end)
            {
                start = Math.Min(end, start + chunkSize);
                ends.Add(start);
            }
        }
    }
}
