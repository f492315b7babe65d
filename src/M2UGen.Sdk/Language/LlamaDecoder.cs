using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Language;

/// <summary>A run through the language model: prompt in, then token after token, over a cache that the graph writes in place. One request's at a time.</summary>
/// <remarks>
/// <para>M2UGen (arXiv:2311.11255), reference m2ugen.py forward_inference. The reference runs the whole sequence again for every token; over a cache the results are the same.</para>
/// <para>Not thread-safe. A step allocates no managed memory.</para>
/// </remarks>
internal sealed class LlamaDecoder : IDisposable
{
    private readonly IOnnxModel _model;
    private readonly LlamaConfig _config;
    private readonly KVCache _cache;
    private readonly NativeTensor _prefix;
    private readonly NativeTensor _stepId;
    private readonly NativeTensor _lastPosition;
    private readonly NativeTensor _totalLength;
    private readonly NativeTensor _logits;
    private readonly NativeTensor _hiddenState;
    private readonly IModelRun _step;

    /// <summary>Allocates everything that a request needs.</summary>
    /// <param name="model">The component <c>llama</c>.</param>
    /// <param name="config">Its sizes.</param>
    /// <param name="capacity">Positions to hold: prompt and answer.</param>
    /// <param name="prefix">[prefix layers, dim] float, row-major: what the gated prefix adds to each of the last layers (spec §4b).</param>
    public LlamaDecoder(IOnnxModel model, LlamaConfig config, int capacity, ReadOnlySpan<float> prefix)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(prefix.Length, config.PrefixLayers * config.Dim, nameof(prefix));
        _model = model;
        _config = config;
        _cache = new KVCache(config.Cache, 1, capacity);
        _prefix = NativeTensor.Of(prefix, config.PrefixLayers, config.Dim);
        _stepId = NativeTensor.Allocate<long>(1, 1);
        _lastPosition = NativeTensor.Allocate<int>(1);
        _totalLength = NativeTensor.Allocate<int>();
        _logits = NativeTensor.Allocate<float>(1, config.VocabularySize);
        _hiddenState = NativeTensor.Allocate<float>(1, config.Dim);
        _step = Bind(_stepId);
    }

    /// <summary>Positions read so far.</summary>
    public int Length => _cache.Length;

    /// <summary>Positions that fit.</summary>
    public int Capacity => _cache.Capacity;

    /// <summary>Keys and values so far: for measuring.</summary>
    internal KVCache Cache => _cache;

    /// <summary>[vocabulary] logits at the last position. Valid until the next run.</summary>
    public Span<float> Logits => _logits.AsSpan<float>();

    /// <summary>[dim] hidden state of the last layer before the final norm, at the last position. Valid until the next run.</summary>
    public ReadOnlySpan<float> HiddenState => _hiddenState.AsSpan<float>();

    /// <summary>Reads several tokens, in pieces of <paramref name="chunkSize"/>.</summary>
    /// <param name="ids">At least one token id.</param>
    /// <param name="chunkSize">Tokens a call: bounds memory and the time to a cancellation.</param>
    /// <param name="cancellationToken">Looked at between and inside the calls.</param>
    public void Prefill(ReadOnlySpan<int> ids, int chunkSize, CancellationToken cancellationToken)
    {
        while (ids.Length > 0)
        {
            int size = Math.Min(chunkSize, ids.Length);
            using NativeTensor chunk = NativeTensor.Allocate<long>(1, size);
            Widen(ids[..size], chunk.AsSpan<long>());
            using IModelRun run = Bind(chunk);
            do
            {
                Widen(ids[..size], chunk.AsSpan<long>());
                Run(run, size, cancellationToken);
                ids = ids[size..];
            }
            while (ids.Length >= size);
        }
    }

    /// <summary>Forgets what was read behind the first <paramref name="length"/> positions.</summary>
    public void Truncate(int length) => _cache.Truncate(length);

    /// <summary>Forgets everything and takes another prefix.</summary>
    /// <param name="prefix">[prefix layers, dim] float, row-major.</param>
    public void Restart(ReadOnlySpan<float> prefix)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(prefix.Length, _config.PrefixLayers * _config.Dim, nameof(prefix));
        prefix.CopyTo(_prefix.AsSpan<float>());
        _cache.Reset();
    }

    /// <summary>Reads one token.</summary>
    public void Step(int id, CancellationToken cancellationToken)
    {
        _stepId.AsSpan<long>()[0] = id;
        Run(_step, 1, cancellationToken);
    }

    public void Dispose()
    {
        _step.Dispose();
        _cache.Dispose();
        _prefix.Dispose();
        _stepId.Dispose();
        _lastPosition.Dispose();
        _totalLength.Dispose();
        _logits.Dispose();
        _hiddenState.Dispose();
    }

    private void Run(IModelRun run, int tokens, CancellationToken cancellationToken)
    {
        int total = _cache.Length + tokens;
        if (total > _cache.Capacity)
        {
            throw new InvalidOperationException($"The cache holds {_cache.Capacity} positions; {_cache.Length} are filled and {tokens} more were asked for.");
        }

        _lastPosition.AsSpan<int>()[0] = total - 1;
        _totalLength.AsSpan<int>()[0] = total;
        run.Run(cancellationToken);
        _cache.Advance(tokens);
    }

    private IModelRun Bind(NativeTensor inputIds)
    {
        IModelRun run = _model.CreateRun();
        try
        {
            run.BindInput("input_ids", inputIds);
            run.BindInput("prefix", _prefix);
            run.BindInput("seqlens_k", _lastPosition);
            run.BindInput("total_sequence_length", _totalLength);
            _cache.Bind(run);
            run.BindOutput("logits", _logits);
            run.BindOutput("hidden_states", _hiddenState);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private static void Widen(ReadOnlySpan<int> ids, Span<long> destination)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            destination[i] = ids[i];
        }
    }
}
