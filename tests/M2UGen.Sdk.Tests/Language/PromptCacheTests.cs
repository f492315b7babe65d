using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

/// <summary>Which rows are used again, and that nothing is left of a request that went wrong.</summary>
public sealed class PromptCacheTests
{
    private static readonly int[] Answer = [.. FakeLanguage.Text("Yes."), .. FakeLanguage.Stop];

    private static int Head => FakeLanguage.Tokenizer.Encode(PromptTemplate.Head).Length;

    [Fact]
    public void Answer_SamePromptTwice_ReadsTheHeadOnce()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        LanguageOutput first = Ask(fake);
        int calls = fake.Calls.Count;
        LanguageOutput second = Ask(fake);
        Assert.Equal((0, Head), (first.ReusedTokenCount, second.ReusedTokenCount));
        Assert.Equal(first.TokenIds, second.TokenIds);
        Assert.Equal(fake.Calls[1..calls], fake.Calls[calls..]);
        End(fake);
    }

    [Fact]
    public void Answer_CacheOff_ReadsEverythingAndKeepsNothing()
    {
        FakeLanguage fake = new(Answer);
        Assert.Equal((0, 0), (Ask(fake).ReusedTokenCount, Ask(fake).ReusedTokenCount));
        Assert.Equal(0, fake.Onnx.LiveRuns);
    }

    [Fact]
    public void Answer_AnotherPrefix_ReadsEverythingInTheSameMemory()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        Ask(fake);
        Assert.Equal(0, Ask(fake, [1, 2, 3, 4]).ReusedTokenCount);
        Assert.Equal([1, 2, 3, 4], fake.Prefix!);
        Assert.Equal(Head, Ask(fake, [1, 2, 3, 4]).ReusedTokenCount);

        // Equal numbers, other bits.
        Assert.Equal(0, Ask(fake).ReusedTokenCount);
        Assert.Equal(0, Ask(fake, [-0f, 0, 0, 0]).ReusedTokenCount);
        Assert.Equal(1, fake.Prompts.Count);
        End(fake);
    }

    [Fact]
    public void Answer_AnotherChunkSize_UsesWholeCallsOnly()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        LanguageInput input = Input() with { PrefillChunkSize = 16 };
        fake.Model.Answer(input, null, CancellationToken.None);
        Assert.Equal(0, Ask(fake).ReusedTokenCount);
        Assert.Equal(0, fake.Model.Answer(input, null, CancellationToken.None).ReusedTokenCount);
        Assert.Equal(new PrefillPlan(FakeLanguage.Tokenizer).Ends(FakeLanguage.Tokenizer.Encode(PromptTemplate.Format(FakeLanguage.Question)), 16)[^2],
            fake.Model.Answer(input, null, CancellationToken.None).ReusedTokenCount);
        End(fake);
    }

    [Fact]
    public void Answer_CancelledWhileWriting_KeepsWhatWasRead()
    {
        using CancellationTokenSource source = new();
        FakeLanguage fake = new(Answer, (index, _) => CancelAt(index, 1, source), cachedPrompts: 1);
        Assert.Throws<OperationCanceledException>(() => fake.Model.Answer(Input(), null, source.Token));
        LanguageOutput output = Ask(fake);
        Assert.Equal((Head, "Yes."), (output.ReusedTokenCount, output.Text));
        End(fake);
    }

    [Fact]
    public void Answer_CancelledWhileReading_CountsOnlyTheCallsThatEnded()
    {
        using CancellationTokenSource source = new();
        FakeLanguage fake = new(Answer, (index, _) => CancelAt(index, 0, source), cachedPrompts: 1);
        Assert.Throws<OperationCanceledException>(() => fake.Model.Answer(Input(), null, source.Token));
        Assert.Equal(Head, Ask(fake).ReusedTokenCount);
        End(fake);
    }

    [Fact]
    public void Answer_Failed_KeepsNothing()
    {
        bool fail = true;
        FakeLanguage fake = new(Answer, (index, _) =>
        {
            if (fail && index == 1)
            {
                throw new InferenceException("llama", "broken on purpose");
            }
        }, cachedPrompts: 1);
        Assert.Throws<InferenceException>(() => Ask(fake));
        Assert.Equal(0, fake.Onnx.LiveRuns);
        fail = false;
        LanguageOutput output = Ask(fake);
        Assert.Equal((0, "Yes."), (output.ReusedTokenCount, output.Text));
        End(fake);
    }

    [Fact]
    public void Take_SeveralKept_PrefersTheLongestAndSparesAConversation()
    {
        FakeOnnxModel model = new("llama", static (_, _) => { });
        float[] prefix = new float[FakeLanguage.Dim];
        using (PromptCache cache = new(2))
        {
            int[] template = [1, 2];
            int[] talk = [1, 2, 3, 4, 5, 6, 7, 8];
            Read(cache, talk, [2, 4, 6, 8]);

            // Of a long conversation only the template would be used, and there is room for another prompt.
            Read(cache, [1, 2, 9], [2, 3]);
            Assert.Equal((2, 2), (cache.Count, model.LiveRuns));

            // Now there is none: of two that share the template, the one that was used longest ago goes on with the new prompt.
            Read(cache, [.. talk, 9], [2, 4, 6, 8, 9]);
            Read(cache, [1, 2, 7], [2, 3]);
            Assert.Equal((2, 2), (cache.Count, model.LiveRuns));
            PromptReader longest = cache.Take([.. talk, 10, 11], [2, 4, 6, 8, 10], prefix)!;
            Assert.Equal(8, longest.Shared([.. talk, 10, 11], [2, 4, 6, 8, 10], prefix));
            Assert.Equal(2, longest.Shared([.. template, 10, 11], [2, 4], prefix));

            // Another one may come back meanwhile; the oldest goes.
            Read(cache, [5, 6], [1, 2]);
            cache.Give(longest);
            Assert.Equal((2, 2), (cache.Count, model.LiveRuns));
        }

        model.Dispose();

        void Read(PromptCache cache, int[] prompt, int[] ends)
        {
            PromptReader reader = cache.Take(prompt, ends, prefix) ?? new PromptReader(new LlamaDecoder(model, new FakeLanguage([1]).Config, 64, prefix), prefix);
            reader.Read(prompt, ends, prefix, CancellationToken.None);
            cache.Give(reader);
        }
    }

    [Fact]
    public void Give_AfterDisposal_FreesAtOnce()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        fake.Prompts.Dispose();
        Ask(fake);
        Assert.Equal(0, fake.Onnx.LiveRuns);
    }

    [Fact]
    public async Task Answer_OverlappingRequests_KeepOneAndFreeTheOthers()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(() => Ask(fake).Text)));
        Assert.All(answers, answer => Assert.Equal("Yes.", answer));
        Assert.Equal((1, 1), (fake.Prompts.Count, fake.Onnx.LiveRuns));
        End(fake);
    }

    [Fact]
    public async Task OneStageAtATime_AfterTheStage_KeepsNothing()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        await using M2UGenPipeline pipeline = FakePipeline.Create(fake, options: PipelineOptions.Default with { Memory = MemoryPolicy.OneStageAtATime });
        await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync();
        Assert.Equal((0, 0), (fake.Prompts.Count, fake.Onnx.LiveRuns));
    }

    [Fact]
    public async Task DisposeAsync_FreesWhatIsKeptBeforeTheModel()
    {
        FakeLanguage fake = new(Answer, cachedPrompts: 1);
        M2UGenPipeline pipeline = FakePipeline.Create(fake);
        await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).AskAsync();
        Assert.Equal(1, fake.Onnx.LiveRuns);

        // The fake's own disposal asserts that no run is left.
        await pipeline.DisposeAsync();
        Assert.True(fake.Onnx.Disposed);
    }

    private static void CancelAt(int index, int wanted, CancellationTokenSource source)
    {
        if (index == wanted)
        {
            source.Cancel();
        }
    }

    private static void End(FakeLanguage fake)
    {
        fake.Prompts.Dispose();
        Assert.Equal(0, fake.Onnx.LiveRuns);
    }

    private static LanguageOutput Ask(FakeLanguage fake, float[]? prefix = null) =>
        fake.Model.Answer(prefix is null ? Input() : Input() with { Prefix = prefix }, null, CancellationToken.None);

    private static LanguageInput Input() => new()
    {
        Instruction = FakeLanguage.Question,
        Options = GenerationOptions.Greedy,
        Fidelity = Fidelity.Improved,
        Seed = 1,
    };
}
