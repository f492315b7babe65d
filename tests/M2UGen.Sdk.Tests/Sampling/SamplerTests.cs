using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Tests.Sampling;

public sealed class SamplerTests
{
    [Fact]
    public void Sample_Greedy_TakesTheFirstOfEqualMaxima()
    {
        CounterRandom random = new(1);
        Assert.Equal(1, GreedySampler.Instance.Sample([-1, 3, 3, 2], ref random));
        Assert.Equal(0, GreedySampler.Instance.Sample([-0f, 0f], ref random));
        float[] probabilities = new float[4];
        GreedySampler.Instance.Probabilities([-1, 3, 3, 2], probabilities);
        Assert.Equal([0, 1, 0, 0], probabilities);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Sample_LogitsThatAreNoNumbers_ThrowsInsteadOfDrawing(float bad)
    {
        foreach (ITokenSampler sampler in new[] { GreedySampler.Instance, new SamplingOptions { TopK = 2 }.CreateSampler() })
        {
            Assert.Throws<InferenceException>(() => Draw(sampler, [1, bad, 2]));
            Assert.Throws<InferenceException>(() => Draw(sampler, [float.NegativeInfinity, float.NegativeInfinity]));
            Assert.Throws<ArgumentException>(() => Draw(sampler, []));
        }
    }

    [Theory]
    [InlineData(-1, 0, 1, 0, 1)]
    [InlineData(double.NaN, 0, 1, 0, 1)]
    [InlineData(1, -1, 1, 0, 1)]
    [InlineData(1, 0, -0.5, 0, 1)]
    [InlineData(1, 0, double.NaN, 0, 1)]
    [InlineData(1, 0, 1, 1.5, 1)]
    [InlineData(1, 0, 1, 0, 0)]
    public void CreateSampler_ValueOutsideItsRange_Throws(double temperature, int topK, double topP, double minP, double typicalP) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SamplingOptions
        {
            Temperature = temperature,
            TopK = topK,
            TopP = topP,
            MinP = minP,
            TypicalP = typicalP,
        }.CreateSampler());

    [Fact]
    public void CreateSampler_TemperatureZero_IsGreedy() =>
        Assert.IsType<GreedySampler>(new SamplingOptions { Temperature = 0, TopK = 3 }.CreateSampler());

    [Fact]
    public void Sample_ManyDraws_FollowTheDistribution()
    {
        float[] logits = [0, MathF.Log(2), MathF.Log(5), float.NegativeInfinity, MathF.Log(2)];
        ITokenSampler sampler = new SamplingOptions().CreateSampler();
        CounterRandom random = new(3);
        int[] counts = new int[logits.Length];
        for (int i = 0; i < 20_000; i++)
        {
            counts[sampler.Sample(logits, ref random)]++;
        }

        int[] wanted = [2_000, 4_000, 10_000, 0, 4_000];
        for (int i = 0; i < wanted.Length; i++)
        {
            Assert.InRange(counts[i], wanted[i] - 250, wanted[i] + 250);
        }
    }

    [Fact]
    public void Sample_SameSeed_GivesTheSameTokens()
    {
        float[] logits = Logits(2048, 5);
        Assert.Equal(Tokens(9), Tokens(9));
        Assert.NotEqual(Tokens(9), Tokens(10));

        int[] Tokens(ulong seed)
        {
            ITokenSampler sampler = new SamplingOptions { TopK = 250, TopP = 0.9 }.CreateSampler();
            CounterRandom random = new(seed, RandomStreams.Music(0, 2));
            int[] tokens = new int[50];
            for (int i = 0; i < tokens.Length; i++)
            {
                tokens[i] = sampler.Sample(logits, ref random);
            }

            return tokens;
        }
    }

    [Fact]
    public void Sample_AfterTheFirstCall_AllocatesNothing()
    {
        float[] logits = Logits(32_008, 6);
        ITokenSampler sampler = new SamplingOptions
        {
            Temperature = 0.6,
            TopK = 400,
            TopP = 0.8,
            TopPRule = TopPRule.MassBefore,
            MinP = 0.001,
            TypicalP = 0.9,
        }.CreateSampler();
        CounterRandom random = new(1);
        sampler.Sample(logits, ref random);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            sampler.Sample(logits, ref random);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Sample_VerySmallTemperature_ActsAsGreedy()
    {
        CounterRandom random = new(1);
        ITokenSampler sampler = new SamplingOptions { Temperature = 1e-38 }.CreateSampler();
        Assert.Equal(2, sampler.Sample([5, -3, 50, 49], ref random));
        Assert.Equal(1, sampler.Sample([-50, -3, -49], ref random));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(250)]
    [InlineData(2048)]
    public void KthLargest_RandomAndEqualValues_EqualsSorting(int k)
    {
        foreach (float[] values in new[] { Logits(2048, 7), [.. Logits(2048, 8).Select(x => MathF.Round(x))], new float[2048], [.. Enumerable.Range(0, 2048).Select(i => (float)i)] })
        {
            float wanted = values.OrderDescending().ElementAt(k - 1);
            Assert.Equal(wanted, Selection.KthLargest([.. values], k));
        }
    }

    private static int Draw(ITokenSampler sampler, float[] logits)
    {
        CounterRandom random = new(1);
        return sampler.Sample(logits, ref random);
    }

    private static float[] Logits(int count, ulong seed)
    {
        CounterRandom random = new(seed);
        float[] logits = new float[count];
        for (int i = 0; i < count; i++)
        {
            logits[i] = (float)(3 * random.NextGaussian());
        }

        return logits;
    }
}
