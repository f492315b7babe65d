using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

public sealed class PrefillPlanTests
{
    private const string Long = "Which instruments play in the second part of the piece, and how do they sound together?";

    private static readonly PrefillPlan Plan = new(FakeLanguage.Tokenizer);

    private static int[] Head => FakeLanguage.Tokenizer.Encode(PromptTemplate.Head);

    [Theory]
    [InlineData("Why?")]
    [InlineData(" 1\n2")]
    [InlineData("\n\n### Response:")]
    public void Ends_Instruction_HeadThenTheRest(string instruction)
    {
        int[] prompt = Tokens(instruction);
        Assert.Equal(Head, prompt[..Head.Length]);
        Assert.Equal([Head.Length, prompt.Length], Plan.Ends(prompt, 256));
    }

    [Fact]
    public void Ends_LongPrompt_FixedPiecesBehindTheHead()
    {
        int[] prompt = Tokens(string.Join(' ', Enumerable.Repeat("piano", 90)));
        int[] ends = Plan.Ends(prompt, 64);
        Assert.Equal(Enumerable.Range(0, ends.Length - 1).Select(i => Head.Length + (64 * i)), ends[..^1]);
        Assert.Equal(prompt.Length, ends[^1]);
        Assert.Equal(ends[..^1], Plan.Ends(Tokens(string.Join(' ', Enumerable.Repeat("piano", 140))), 64)[..(ends.Length - 1)]);
    }

    [Fact]
    public void Ends_LaterTurn_BeginsWithTheEarlierPromptsEnds()
    {
        int[] first = Tokens(Long);
        int[] second = Tokens("And now?", new PastTurn(Long, "A violin."));
        int[] third = Tokens("Why?", new PastTurn(Long, "A violin."), new PastTurn("And now?", "A flute."));
        Assert.Equal(first, second[..first.Length]);
        Assert.Equal([.. Plan.Ends(first, 256), second.Length], Plan.Ends(second, 256));
        Assert.Equal([.. Plan.Ends(second, 256), third.Length], Plan.Ends(third, 256));
    }

    [Fact]
    public void Ends_ShortTurn_IsReadWithTheNext()
    {
        int[] second = Tokens(Long, new PastTurn("Hm?", "Yes."));
        Assert.Equal([Head.Length, second.Length], Plan.Ends(second, 256));
    }

    [Fact]
    public void Ends_TokensWithoutTheTemplate_FixedPieces()
    {
        Assert.Equal([4, 8, 9], Plan.Ends([1, 2, 3, 4, 5, 6, 7, 8, 9], 4));
        Assert.Equal([1], Plan.Ends([1], 4));
        Assert.Equal([Head.Length], Plan.Ends(Head, 256));
    }

    private static int[] Tokens(string instruction, params PastTurn[] history) => FakeLanguage.Tokenizer.Encode(PromptTemplate.Format(history, instruction));
}
