using BenchmarkDotNet.Attributes;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Benchmarks;

/// <summary>What is done to the logits of a step in C#: once a token for the language model, once a codebook and step for MusicGen.</summary>
public class SamplerBenchmarks
{
    private readonly ITokenSampler _topK = new SamplingOptions { TopK = 50 }.CreateSampler();
    private readonly ITokenSampler _nucleus = new SamplingOptions { Temperature = 0.6, TopP = 0.8, TopPRule = TopPRule.MassBefore }.CreateSampler();
    private readonly float[] _codes = Numbers.Gaussian(2048, 3, seed: 1);
    private readonly float[] _unconditional = Numbers.Gaussian(2048, 3, seed: 2);
    private readonly float[] _words = Numbers.Gaussian(32008, 3, seed: 3);
    private readonly float[] _guided = new float[2048];
    private CounterRandom _random = new(7);

    [Benchmark]
    public int TopK50Of2048() => _topK.Sample(_codes, ref _random);

    [Benchmark]
    public int TopPOf32008() => _nucleus.Sample(_words, ref _random);

    [Benchmark]
    public int GreedyOf32008() => GreedySampler.FirstMaximum(_words);

    [Benchmark]
    public float GuidanceOf2048()
    {
        ClassifierFreeGuidance.Apply(_codes, _unconditional, 3, _guided);
        return _guided[0];
    }
}
