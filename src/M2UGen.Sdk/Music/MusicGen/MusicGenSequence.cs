using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The decoder's graph with the state of one call: cache, bindings and the tensors of a step. All of it is made once; a step allocates nothing.</summary>
/// <remarks>Not thread-safe. Guided sequences have twice as many rows as pieces; both rows of a piece read the same codes.</remarks>
internal sealed class MusicGenSequence : IDisposable
{
    private readonly IOnnxModel _model;
    private readonly MusicGenConfig _config;
    private readonly MusicGenCondition _condition;
    private readonly KVCache _cache;
    private readonly IModelRun _run;
    private readonly NativeTensor _ids;
    private readonly NativeTensor _position = NativeTensor.Allocate<long>(1);
    private readonly NativeTensor _lastIndex;
    private readonly NativeTensor _total = NativeTensor.Allocate<int>();
    private readonly NativeTensor _logits;
    private readonly NativeTensor? _noPrefix;

    /// <param name="model">The graph `musicgen-decoder`.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="condition">What the sequence listens to; stays the caller's.</param>
    /// <param name="capacity">Codes of a row that will be fed at most, start included.</param>
    public MusicGenSequence(IOnnxModel model, MusicGenConfig config, MusicGenCondition condition, int capacity)
    {
        _model = model;
        _config = config;
        _condition = condition;
        _cache = new KVCache(config.Cache, condition.Rows, condition.PrefixLength + capacity);
        _ids = NativeTensor.Allocate<long>(condition.Rows, config.Codebooks, 1);
        _lastIndex = NativeTensor.Allocate<int>(condition.Rows);
        _logits = NativeTensor.Allocate<float>(condition.Rows, config.Codebooks, config.VocabularySize);
        _noPrefix = condition.Prefix is null ? null : NativeTensor.Allocate<float>(condition.Rows, 0, config.HiddenSize);
        _run = model.CreateRun();
        Bind(_run, _ids, _position, _noPrefix);
    }

    /// <summary>Rows of the logits: pieces, then their unconditional rows where guided.</summary>
    public int Rows => _condition.Rows;

    /// <summary>Keys and values so far: for measuring.</summary>
    internal KVCache Cache => _cache;

    /// <summary>Feeds the first codes of a piece: the start, and a prompt's if there is one. Whatever was fed before is forgotten.</summary>
    /// <param name="ids">[pieces × codebooks, length].</param>
    /// <param name="length">Codes a row, 1 or more.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[rows, codebooks, vocabulary] logits behind the last code; valid until the next call.</returns>
    public ReadOnlySpan<float> Begin(ReadOnlySpan<long> ids, int length, CancellationToken cancellationToken)
    {
        _cache.Reset();
        if (length == 1 && _condition.Prefix is null)
        {
            return Step(ids, cancellationToken);
        }

        int positions = _condition.PrefixLength + length;
        using NativeTensor first = NativeTensor.Allocate<long>(Rows, _config.Codebooks, length);
        using NativeTensor position = NativeTensor.Allocate<long>(positions);
        Spread(ids, first);
        Span<long> numbers = position.AsSpan<long>();
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = i;
        }

        using IModelRun run = _model.CreateRun();
        Bind(run, first, position, _condition.Prefix);
        Run(run, positions, cancellationToken);
        return _logits.AsSpan<float>();
    }

    /// <summary>Feeds one further code a row.</summary>
    /// <param name="ids">[pieces × codebooks].</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[rows, codebooks, vocabulary]; valid until the next call.</returns>
    public ReadOnlySpan<float> Step(ReadOnlySpan<long> ids, CancellationToken cancellationToken)
    {
        Spread(ids, _ids);
        _position.AsSpan<long>()[0] = _cache.Length;
        Run(_run, 1, cancellationToken);
        return _logits.AsSpan<float>();
    }

    public void Dispose()
    {
        _run.Dispose();
        _cache.Dispose();
        _ids.Dispose();
        _position.Dispose();
        _lastIndex.Dispose();
        _total.Dispose();
        _logits.Dispose();
        _noPrefix?.Dispose();
    }

    private void Bind(IModelRun run, NativeTensor ids, NativeTensor position, NativeTensor? prefix)
    {
        run.BindInput("input_ids", ids);
        run.BindInput("position_ids", position);
        run.BindInput("seqlens_k", _lastIndex);
        run.BindInput("total_sequence_length", _total);
        if (prefix is not null)
        {
            run.BindInput("prefix", prefix);
        }

        _condition.Bind(run);
        _cache.Bind(run);
        run.BindOutput("logits", _logits);
    }

    private void Run(IModelRun run, int positions, CancellationToken cancellationToken)
    {
        int total = _cache.Length + positions;
        if (total > _cache.Capacity)
        {
            throw new InvalidOperationException($"The sequence was made for {_cache.Capacity} positions; position {total} was fed.");
        }

        _lastIndex.AsSpan<int>().Fill(total - 1);
        _total.AsSpan<int>()[0] = total;
        run.Run(cancellationToken);
        _cache.Advance(positions);
    }

    /// <summary>Gives the unconditional rows the codes of their pieces.</summary>
    private void Spread(ReadOnlySpan<long> ids, NativeTensor tensor)
    {
        Span<long> rows = tensor.AsSpan<long>();
        ids.CopyTo(rows);
        if (_condition.Guided)
        {
            ids.CopyTo(rows[ids.Length..]);
        }
    }
}
