using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Generation;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Language;

public sealed class TokenGeneratorTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.6)]
    public void Generate_TwiceAsManyTokens_AllocatesNoMore(double temperature)
    {
        GenerationOptions options = new() { Temperature = temperature, TopK = 40, MinP = 0.01, TypicalP = 0.99 };
        Allocated(options, 100);
        long few = Allocated(options, 100);
        long many = Allocated(options, 300);

        // The list of chosen tokens is allocated once, four bytes a token; nothing else may grow with their number.
        Assert.Equal(few + (200 * sizeof(int)), many);
    }

    [Fact]
    public void Generate_SameSeed_GivesTheSameTokens()
    {
        GenerationOptions options = new() { Temperature = 1, TopP = 1 };
        Assert.Equal(Generate(options, 7, 50), Generate(options, 7, 50));
        Assert.NotEqual(Generate(options, 7, 50), Generate(options, 8, 50));
    }

    private static long Allocated(GenerationOptions options, int tokens)
    {
        using FakeOnnxModel model = Flat();
        using LlamaDecoder decoder = Decoder(model, tokens);
        TokenGenerator generator = Generator(decoder, options, 1, tokens);
        int[] prompt = [1];
        decoder.Prefill(prompt, 16, CancellationToken.None);
        long before = GC.GetAllocatedBytesForCurrentThread();
        generator.Generate(prompt, null, CancellationToken.None);
        long after = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(tokens, generator.TokenIds.Length);
        return after - before;
    }

    private static int[] Generate(GenerationOptions options, ulong seed, int tokens)
    {
        using FakeOnnxModel model = Flat();
        using LlamaDecoder decoder = Decoder(model, tokens);
        TokenGenerator generator = Generator(decoder, options, seed, tokens);
        decoder.Prefill([1], 16, CancellationToken.None);
        generator.Generate([1], null, CancellationToken.None);
        return generator.TokenIds.ToArray();
    }

    /// <summary>Letters only, all about equally probable: nothing in it can be a stop sequence or a music token.</summary>
    private static FakeOnnxModel Flat()
    {
        int[] letters = [.. "abcdefghijklmnop".SelectMany(letter => FakeLanguage.Text(letter.ToString())).Distinct()];
        return new FakeOnnxModel("llama", (run, _) =>
        {
            Span<float> logits = run.Output("logits").AsSpan<float>();
            logits.Fill(-50);
            for (int i = 0; i < letters.Length; i++)
            {
                logits[letters[i]] = i % 3 * 0.1f;
            }
        });
    }

    private static LlamaDecoder Decoder(FakeOnnxModel model, int tokens) =>
        new(model, new FakeLanguage([1]).Config, tokens + 1, new float[FakeLanguage.Dim]);

    private static TokenGenerator Generator(LlamaDecoder decoder, GenerationOptions options, ulong seed, int tokens) =>
        new(decoder, new AnswerSampler(options, seed), new StopRule(FakeLanguage.Tokenizer, stopAtEndOfSequence: true), new AudioTokenStates(FakeLanguage.Tokenizer, FakeLanguage.Dim))
        {
            Limit = tokens,
        };
}
