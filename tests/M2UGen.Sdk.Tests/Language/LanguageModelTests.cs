using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

public sealed class LanguageModelTests
{
    private const int Eos = 2;
    private const int Newline = 13;

    [Fact]
    public void Answer_StopSequence_EndsAndIsCut()
    {
        FakeLanguage fake = new([.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop, .. FakeLanguage.Text("more")]);
        LanguageOutput output = Ask(fake, Fidelity.Reference);
        Assert.Equal("A violin.", output.Text);
        Assert.Equal("A violin.", output.RawText);
        Assert.Equal(StopReason.StopSequence, output.StopReason);
        Assert.Equal([.. FakeLanguage.Text("A violin."), .. FakeLanguage.Stop], output.TokenIds);
        Assert.Equal(FakeLanguage.PromptLength, output.PromptTokenCount);
        Assert.Null(output.AudioTokenStates);
    }

    [Fact]
    public void Answer_EndOfSequence_StopsUnlessReference()
    {
        int[] script = [.. FakeLanguage.Text("Yes"), Eos, .. FakeLanguage.Text("and on"), .. FakeLanguage.Stop];
        LanguageOutput improved = Ask(new FakeLanguage(script), Fidelity.Improved);
        Assert.Equal(("Yes", "Yes", StopReason.EndOfSequence), (improved.Text, improved.RawText, improved.StopReason));

        LanguageOutput reference = Ask(new FakeLanguage(script), Fidelity.Reference);
        Assert.Equal(StopReason.StopSequence, reference.StopReason);
        Assert.Equal(FakeLanguage.Tokenizer.Decode(script.AsSpan()[..^3]), reference.RawText);
        Assert.Contains("</s>", reference.RawText, StringComparison.Ordinal);
    }

    [Fact]
    public void Answer_SeveralLines_CutAtTheFirstOrKept()
    {
        int[] script = [.. FakeLanguage.Text("One"), Newline, .. FakeLanguage.Text("Two"), .. FakeLanguage.Stop];
        Assert.Equal("One", Ask(new FakeLanguage(script), Fidelity.Improved).Text);
        LanguageOutput whole = Ask(new FakeLanguage(script), Fidelity.Improved with { CutAnswerAtNewline = false });
        Assert.Equal(FakeLanguage.Tokenizer.Decode(script.AsSpan()[..^3]).Trim(), whole.Text);
        Assert.Contains('\n', whole.Text);
        Assert.DoesNotContain('#', whole.Text);
    }

    [Fact]
    public void Answer_LimitReached_EndsThere()
    {
        FakeLanguage fake = new(FakeLanguage.Text("a b c d e f g h"));
        LanguageOutput output = fake.Model.Answer(Input(Fidelity.Improved) with { Options = GenerationOptions.Greedy with { MaxNewTokens = 3 } }, null, CancellationToken.None);
        Assert.Equal(3, output.TokenIds.Count);
        Assert.Equal(StopReason.LengthLimit, output.StopReason);
    }

    [Fact]
    public void Answer_ContextNearlyFull_EndsAtTheContext()
    {
        FakeLanguage fake = new(FakeLanguage.Text("a b c d e f g h"), contextLength: FakeLanguage.PromptLength + 2);
        Assert.Equal(2, Ask(fake, Fidelity.Improved).TokenIds.Count);
    }

    [Fact]
    public void Answer_PromptFillsTheContext_SaysBothLengths()
    {
        FakeLanguage fake = new([Newline], contextLength: FakeLanguage.PromptLength);
        ArgumentException error = Assert.Throws<ArgumentException>(() => Ask(fake, Fidelity.Improved));
        Assert.Contains($"{FakeLanguage.PromptLength} tokens", error.Message, StringComparison.Ordinal);
        Assert.Empty(fake.Calls);
    }

    [Fact]
    public void Answer_MusicTokens_KeepTheStatesThatPredictedThem()
    {
        int[] words = FakeLanguage.Text("Here");
        FakeLanguage fake = new([.. words, .. FakeLanguage.Music, .. FakeLanguage.Text("."), .. FakeLanguage.Stop]);
        LanguageOutput output = Ask(fake, Fidelity.Improved);
        Assert.NotNull(output.AudioTokenStates);

        // The fake's hidden state is the index of the token chosen from it.
        float[] expected = [.. Enumerable.Range(words.Length, FakeLanguage.Music.Length).SelectMany(i => Enumerable.Repeat((float)i, FakeLanguage.Dim))];
        Assert.Equal(expected, output.AudioTokenStates);
        Assert.Contains("[AUD0] [AUD1]", output.RawText, StringComparison.Ordinal);
        Assert.Equal("Here .", output.Text);
    }

    [Fact]
    public void Answer_NineMusicTokens_MakeMusicUnlessReference()
    {
        int[] script = [.. FakeLanguage.Music, FakeLanguage.Music[0], .. FakeLanguage.Stop];
        Assert.Null(Ask(new FakeLanguage(script), Fidelity.Reference).AudioTokenStates);
        float[] states = Assert.IsType<float[]>(Ask(new FakeLanguage(script), Fidelity.Improved).AudioTokenStates);
        Assert.Equal((0f, 7f), (states[0], states[^1]));
    }

    [Fact]
    public void Answer_TwoSets_SecondCounts()
    {
        int[] script = [.. FakeLanguage.Music, .. FakeLanguage.Music, .. FakeLanguage.Stop];
        float[] states = Assert.IsType<float[]>(Ask(new FakeLanguage(script), Fidelity.Reference).AudioTokenStates);
        Assert.Equal((8f, 15f), (states[0], states[^1]));
    }

    [Fact]
    public void Answer_UnfinishedSet_MakesNoMusic() =>
        Assert.Null(Ask(new FakeLanguage([.. FakeLanguage.Music[..3], .. FakeLanguage.Stop]), Fidelity.Improved).AudioTokenStates);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Answer_Streamed_DeltasJoinToTheText(bool cut)
    {
        int[] script = [.. FakeLanguage.Text("  Très bien! 🎹 here"), .. FakeLanguage.Music, .. FakeLanguage.Text(" it is "), .. FakeLanguage.Stop];
        List<GenerationUpdate> updates = [];
        FakeLanguage fake = new(script);
        LanguageOutput streamed = fake.Model.Answer(Input(Fidelity.Improved with { CutAnswerAtNewline = cut }), updates.Add, CancellationToken.None);
        LanguageOutput quiet = new FakeLanguage(script).Model.Answer(Input(Fidelity.Improved with { CutAnswerAtNewline = cut }), null, CancellationToken.None);
        Assert.Equal(quiet.Text, streamed.Text);
        Assert.Equal(streamed.Text, string.Concat(updates.OfType<TextDelta>().Select(delta => delta.Text)));
        Assert.EndsWith("🎹 here it is", streamed.Text, StringComparison.Ordinal);
        Assert.All(updates.OfType<TextDelta>(), delta => Assert.NotEqual(string.Empty, delta.Text));
        Assert.Equal(1, updates.OfType<StageProgress>().Last().Fraction);
    }

    [Fact]
    public void Answer_SmallPrefillChunks_GiveTheSame()
    {
        FakeLanguage fake = new([.. FakeLanguage.Text("Yes."), .. FakeLanguage.Stop]);
        LanguageOutput output = fake.Model.Answer(Input(Fidelity.Improved) with { PrefillChunkSize = 4 }, null, CancellationToken.None);
        Assert.Equal("Yes.", output.Text);
        int[] ends = new PrefillPlan(FakeLanguage.Tokenizer).Ends(FakeLanguage.Tokenizer.Encode(PromptTemplate.Format(FakeLanguage.Question)), 4);
        Assert.Equal(ends.Length, fake.Calls.Count - output.TokenIds.Count + 1);
        Assert.All(fake.Calls, size => Assert.InRange(size, 1, 4));
    }

    [Fact]
    public void Answer_CancelledInsideAStep_FreesEverything()
    {
        using CancellationTokenSource source = new();
        FakeLanguage fake = new(FakeLanguage.Text("a b c d e"), (index, _) =>
        {
            if (index == 2)
            {
                source.Cancel();
            }
        });
        Assert.Throws<OperationCanceledException>(() => fake.Model.Answer(Input(Fidelity.Improved), null, source.Token));
        Assert.Equal(0, fake.Onnx.LiveRuns);
    }

    private static LanguageOutput Ask(FakeLanguage fake, Fidelity fidelity)
    {
        LanguageOutput output = fake.Model.Answer(Input(fidelity), null, CancellationToken.None);
        Assert.Equal(0, fake.Onnx.LiveRuns);
        return output;
    }

    private static LanguageInput Input(Fidelity fidelity) => new()
    {
        Instruction = FakeLanguage.Question,
        Options = GenerationOptions.Greedy,
        Fidelity = fidelity,
        Seed = 1,
    };
}
