using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Language.Generation;

/// <summary>Chooses an answer's tokens as <see cref="GenerationOptions"/> say. Not thread-safe; one instance an answer; a choice allocates nothing.</summary>
internal sealed class AnswerSampler
{
    private readonly ITokenSampler _sampler;
    private CounterRandom _random;

    /// <param name="options">Checked options.</param>
    /// <param name="seed">Start of the random sequence.</param>
    public AnswerSampler(GenerationOptions options, ulong seed)
    {
        _random = new CounterRandom(seed, RandomStreams.Text);
        _sampler = new SamplingOptions
        {
            Temperature = options.Temperature,
            TopK = options.TopK ?? 0,
            TopP = options.TopP,

            // Reference llama/utils.py sample_top_p; music follows the libraries' rule instead.
            TopPRule = TopPRule.MassBefore,
            MinP = options.MinP ?? 0,
            TypicalP = options.TypicalP ?? 1,
        }.CreateSampler();
    }

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[vocabulary] logits of the last position.</param>
    public int Choose(ReadOnlySpan<float> logits) => _sampler.Sample(logits, ref _random);
}
