using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The conditioning of one call as the decoder's graph takes it: keys and values for cross attention, or a melody model's prefix. Native memory of the call.</summary>
/// <remarks>
/// With guidance the sequence has twice as many rows, the unconditional ones last. Cross attention gives them exactly zero (the mask zeroes their states behind the
/// projection, and attention has no bias), so they need no keys and values. A melody model needs real rows for them: zero text and class-0 chroma.
/// </remarks>
internal sealed class MusicGenCondition : IDisposable
{
    private readonly NativeTensor[] _keys;
    private readonly NativeTensor[] _values;
    private readonly NativeTensor? _bias;

    private MusicGenCondition(int batch, bool guided, NativeTensor[] keys, NativeTensor[] values, NativeTensor? bias, NativeTensor? prefix)
    {
        Batch = batch;
        Guided = guided;
        _keys = keys;
        _values = values;
        _bias = bias;
        Prefix = prefix;
    }

    /// <summary>Pieces of music.</summary>
    public int Batch { get; }

    /// <summary>Whether every piece has an unconditional row as well.</summary>
    public bool Guided { get; }

    /// <summary>Rows of the sequence: pieces, then their unconditional rows where guided.</summary>
    public int Rows => Guided ? 2 * Batch : Batch;

    /// <summary>[rows, chroma rows + text rows, hidden] of a melody model; null for cross attention.</summary>
    public NativeTensor? Prefix { get; }

    /// <summary>Positions that the prefix takes.</summary>
    public int PrefixLength => Prefix is null ? 0 : (int)Prefix.Shape[1];

    /// <summary>Runs the graph `musicgen-condition`.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="rows">What to listen to.</param>
    /// <param name="chroma">Melody models: [batch, chroma length, classes]; null for all others.</param>
    /// <param name="guided">Whether unconditional rows are wanted.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public static MusicGenCondition Create(IOnnxModel model, MusicGenConfig config, ConditioningRows rows, ReadOnlySpan<float> chroma, bool guided, CancellationToken cancellationToken)
    {
        using IModelRun run = model.CreateRun();
        return config.IsMelody
            ? CreatePrefix(run, config, rows, chroma, guided, cancellationToken)
            : CreateCross(run, model.KindOfOutput("cross_key_values.0.key"), config, rows, guided, cancellationToken);
    }

    /// <summary>Binds what every step reads.</summary>
    public void Bind(IModelRun run)
    {
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            run.BindInput($"cross_key_values.{layer}.key", _keys[layer]);
            run.BindInput($"cross_key_values.{layer}.value", _values[layer]);
        }

        if (_bias is not null)
        {
            run.BindInput("cross_attention_bias", _bias);
        }
    }

    public void Dispose()
    {
        foreach (NativeTensor tensor in _keys)
        {
            tensor.Dispose();
        }

        foreach (NativeTensor tensor in _values)
        {
            tensor.Dispose();
        }

        _bias?.Dispose();
        Prefix?.Dispose();
    }

    private static MusicGenCondition CreateCross(IModelRun run, TensorElementKind kind, MusicGenConfig config, ConditioningRows rows, bool guided, CancellationToken cancellationToken)
    {
        using NativeTensor states = NativeTensor.Of<float>(rows.States, rows.Batch, rows.Length, rows.Width);
        using NativeTensor mask = NativeTensor.Of<long>(rows.Mask, rows.Batch, rows.Length);
        NativeTensor bias = NativeTensor.Allocate<float>(rows.Batch, 1, 1, rows.Length);
        MusicGenCondition condition = new(rows.Batch, guided, Allocate(), Allocate(), bias, null);
        try
        {
            run.BindInput("encoder_hidden_states", states);
            run.BindInput("attention_mask", mask);
            run.BindOutput("cross_attention_bias", bias);
            for (int layer = 0; layer < config.Layers; layer++)
            {
                run.BindOutput($"cross_key_values.{layer}.key", condition._keys[layer]);
                run.BindOutput($"cross_key_values.{layer}.value", condition._values[layer]);
            }

            run.Run(cancellationToken);
            return condition;
        }
        catch
        {
            condition.Dispose();
            throw;
        }

        NativeTensor[] Allocate()
        {
            NativeTensor[] tensors = new NativeTensor[config.Layers];
            for (int layer = 0; layer < tensors.Length; layer++)
            {
                tensors[layer] = NativeTensor.Allocate(kind, rows.Batch, config.Heads, rows.Length, config.CrossHeadSize);
            }

            return tensors;
        }
    }

    private static MusicGenCondition CreatePrefix(IModelRun run, MusicGenConfig config, ConditioningRows rows, ReadOnlySpan<float> chroma, bool guided, CancellationToken cancellationToken)
    {
        ChromaConfig chromaConfig = config.Chroma!;
        int perPiece = chromaConfig.ChromaLength * chromaConfig.ChromaCount;
        if (chroma.Length != rows.Batch * perPiece)
        {
            throw new ArgumentException($"{chroma.Length} chroma values for {rows.Batch} pieces; expected {perPiece} each.", nameof(chroma));
        }

        int total = guided ? 2 * rows.Batch : rows.Batch;
        using NativeTensor states = NativeTensor.Allocate<float>(total, rows.Length, rows.Width);
        using NativeTensor mask = NativeTensor.Allocate<long>(total, rows.Length);
        using NativeTensor classes = NativeTensor.Allocate<float>(total, chromaConfig.ChromaLength, chromaConfig.ChromaCount);
        rows.States.CopyTo(states.AsSpan<float>());
        rows.Mask.CopyTo(mask.AsSpan<long>());
        chroma.CopyTo(classes.AsSpan<float>());

        // The unconditional rows: their text is masked already (zeros), their melody is silence, which is class 0 in every frame.
        Span<float> silence = classes.AsSpan<float>()[chroma.Length..];
        for (int frame = 0; frame < silence.Length; frame += chromaConfig.ChromaCount)
        {
            silence[frame] = 1;
        }

        NativeTensor prefix = NativeTensor.Allocate<float>(total, chromaConfig.ChromaLength + rows.Length, config.HiddenSize);
        try
        {
            run.BindInput("encoder_hidden_states", states);
            run.BindInput("attention_mask", mask);
            run.BindInput("chroma", classes);
            run.BindOutput("prefix", prefix);
            run.Run(cancellationToken);
            return new MusicGenCondition(rows.Batch, guided, [], [], null, prefix);
        }
        catch
        {
            prefix.Dispose();
            throw;
        }
    }
}
