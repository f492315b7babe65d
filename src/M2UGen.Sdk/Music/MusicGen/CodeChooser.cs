using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Chooses the next code of a row from its logits: greedy, or at random from the row's own sequence. One instance a call; a choice allocates nothing.</summary>
internal sealed class CodeChooser
{
    private readonly ITokenSampler _sampler;
    private readonly CounterRandom[] _streams;

    /// <param name="sampler">Shapes the distribution and draws.</param>
    /// <param name="seed">Start of the random sequences.</param>
    /// <param name="codebooks">Rows of one piece.</param>
    /// <param name="rows">Pieces × codebooks. A row's sequence depends on seed, piece and codebook alone, not on the rows beside it.</param>
    public CodeChooser(ITokenSampler sampler, ulong seed, int codebooks, int rows)
    {
        _sampler = sampler;
        _streams = new CounterRandom[rows];
        for (int row = 0; row < rows; row++)
        {
            _streams[row] = new CounterRandom(seed, RandomStreams.Music(row / codebooks, row % codebooks));
        }
    }

    /// <summary>Always the most probable code, the first of them on a tie.</summary>
    public static CodeChooser Greedy(int codebooks, int rows) => new(GreedySampler.Instance, 0, codebooks, rows);

    /// <summary>Makes the chooser that a request asks for, the bundle's defaults where it says nothing.</summary>
    /// <param name="config">The model's numbers, its defaults among them.</param>
    /// <param name="options">The request's settings.</param>
    /// <param name="seed">Start of the random sequences.</param>
    /// <param name="rows">Pieces × codebooks.</param>
    public static CodeChooser Create(MusicGenConfig config, MusicOptions options, ulong seed, int rows)
    {
        MusicGenDefaults defaults = config.Defaults;
        if (!(options.Sample ?? defaults.Sample))
        {
            return Greedy(config.Codebooks, rows);
        }

        SamplingOptions sampling = new()
        {
            Temperature = options.Temperature ?? defaults.Temperature,
            TopK = options.TopK ?? defaults.TopK,
            TopP = options.TopP ?? defaults.TopP,
            TopPRule = TopPRule.TailMass,
            MinP = options.MinP ?? 0,
            TypicalP = options.TypicalP ?? defaults.TypicalP,
        };
        return new CodeChooser(sampling.CreateSampler(), seed, config.Codebooks, rows);
    }

    /// <summary>Chooses a code.</summary>
    /// <param name="logits">[vocabulary], guided.</param>
    /// <param name="row">Which row of codes they are for.</param>
    public int Choose(ReadOnlySpan<float> logits, int row) => _sampler.Sample(logits, ref _streams[row]);
}
