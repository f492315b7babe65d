using M2UGen.Sdk.Language;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

public sealed class LlamaDecoderTests
{
    private static readonly LlamaConfig Config = new()
    {
        Layers = 2,
        Heads = 2,
        HeadSize = 8,
        Dim = 4,
        VocabularySize = 6,
        PrefixLayers = 3,
        ContextLength = 64,
    };

    [Fact]
    public void Prefill_FiveTokensByTwo_RunsPiecesWithGrowingTotals()
    {
        List<string> calls = [];
        using FakeOnnxModel model = new("llama", (run, _) => calls.Add(
            $"{string.Join(',', run.Input("input_ids").AsSpan<long>().ToArray())} at {run.Input("seqlens_k").AsSpan<int>()[0]} of {run.Input("total_sequence_length").AsSpan<int>()[0]}"));
        using (LlamaDecoder decoder = new(model, Config, 8, new float[12]))
        {
            decoder.Prefill([5, 4, 3, 2, 1], 2, CancellationToken.None);
            decoder.Step(0, CancellationToken.None);
            Assert.Equal(6, decoder.Length);
        }

        Assert.Equal(["5,4 at 1 of 2", "3,2 at 3 of 4", "1 at 4 of 5", "0 at 5 of 6"], calls);
        Assert.Equal(0, model.LiveRuns);
    }

    [Fact]
    public void Step_EveryCall_ReadsAndWritesTheSameMemory()
    {
        using FakeOnnxModel model = new("llama", (run, _) =>
        {
            Assert.Same(run.Input("past_key_values.1.value"), run.Output("present.1.value"));
            Assert.Equal([1, 2, 8, 8], run.Input("past_key_values.0.key").Shape.ToArray());
            Assert.Equal([3, 4], run.Input("prefix").Shape.ToArray());
            run.Output("logits").AsSpan<float>().Fill(run.Input("input_ids").AsSpan<long>()[0]);
            run.Output("hidden_states").AsSpan<float>().Fill(run.Input("prefix").AsSpan<float>()[11]);
        });
        using LlamaDecoder decoder = new(model, Config, 8, [.. Enumerable.Range(0, 12).Select(i => (float)i)]);
        decoder.Step(3, CancellationToken.None);
        Assert.Equal([3, 3, 3, 3, 3, 3], decoder.Logits.ToArray());
        Assert.Equal([11, 11, 11, 11], decoder.HiddenState.ToArray());
    }

    [Fact]
    public void Step_Hundredfold_AllocatesNothing()
    {
        using FakeOnnxModel model = new("llama", static (_, _) => { });
        using LlamaDecoder decoder = new(model, Config, 128, new float[12]);
        decoder.Step(1, CancellationToken.None);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            decoder.Step(1, CancellationToken.None);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Step_BeyondCapacity_Fails()
    {
        using FakeOnnxModel model = new("llama", static (_, _) => { });
        using LlamaDecoder decoder = new(model, Config, 2, new float[12]);
        decoder.Prefill([1, 2], 8, CancellationToken.None);
        Assert.Throws<InvalidOperationException>(() => decoder.Step(3, CancellationToken.None));
    }

    [Fact]
    public void Constructor_PrefixOfAnotherSize_Fails()
    {
        using FakeOnnxModel model = new("llama", static (_, _) => { });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LlamaDecoder(model, Config, 2, new float[11]));
    }
}
