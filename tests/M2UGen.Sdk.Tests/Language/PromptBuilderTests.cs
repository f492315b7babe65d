using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

public sealed class PromptBuilderTests
{
    private static readonly PastTurn[] Turns = [new("Who are you?", "A model."), new("What plays?", "A harp."), new("And now?", "A flute.")];

    [Fact]
    public void Format_History_RepeatsTheBlockOfATurn() => Assert.Equal(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        + "\n\n### Instruction:\nWhat plays?\n\n### Response:A harp."
        + "\n\n### Instruction:\nLouder\n\n### Response:",
        PromptTemplate.Format([new PastTurn("What plays?", "A harp.")], "Louder"));

    [Fact]
    public void Build_NoHistory_IsThePromptOfTheReference() =>
        Assert.Equal(FakeLanguage.Tokenizer.Encode(PromptTemplate.Format("Louder")), Build(1024, 512, []));

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    [InlineData(0)]
    public void Build_AsManyAsFit_YoungestStay(int fitting)
    {
        int[] expected = FakeLanguage.Tokenizer.Encode(PromptTemplate.Format(Turns.TakeLast(fitting), "Louder"));
        const int Answer = 32;
        Assert.Equal(expected, Build(expected.Length + Answer, Answer, Turns));
        if (fitting > 0)
        {
            Assert.True(Build(expected.Length + Answer - 1, Answer, Turns).Length < expected.Length);
        }
    }

    [Fact]
    public void Build_AnswerMayFillTheContext_InstructionStandsAlone() =>
        Assert.Equal(FakeLanguage.Tokenizer.Encode(PromptTemplate.Format("Louder")), Build(100, 1_000_000, Turns));

    [Fact]
    public void Build_EnormousTurn_IsLeftOutWithAllBeforeIt() =>
        Assert.Equal(
            FakeLanguage.Tokenizer.Encode(PromptTemplate.Format(Turns.TakeLast(1), "Louder")),
            Build(1024, 32, [Turns[0], new PastTurn(new string('x', 40_000_000), "?"), Turns[2]]));

    private static int[] Build(int context, int answer, IReadOnlyList<PastTurn> history) => new PromptBuilder(FakeLanguage.Tokenizer, context).Build(new LanguageInput
    {
        Instruction = "Louder",
        History = history,
        Options = GenerationOptions.Greedy with { MaxNewTokens = answer },
        Fidelity = Fidelity.Improved,
        Seed = 0,
    });
}
