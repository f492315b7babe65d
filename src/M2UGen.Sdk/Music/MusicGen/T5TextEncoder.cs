using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Captions to states: tokenizer and T5 encoder (arXiv:1910.10683).</summary>
/// <remarks>
/// Thread-safe. Captions are encoded unpadded unless asked otherwise: T5 hides padding from its own positions, and cross attention hides it from the decoder, so
/// nothing changes but the time it takes. Melody models do not hide it, see <see cref="Fidelity.PadCaption"/>.
/// </remarks>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
/// <param name="tokenize">A caption's ids with the end token, cut to the given number of tokens.</param>
internal sealed class T5TextEncoder(ModelSet models, T5TextConfig config, Func<string, int, int[]> tokenize)
{
    /// <summary>Tokens of a caption at most.</summary>
    public int MaxTokens => config.MaxTokens;

    /// <summary>The ids of a caption.</summary>
    /// <param name="caption">Any text, the empty one too.</param>
    /// <param name="paddedLength">Pad or cut to so many tokens; null: the caption's own, cut at the text encoder's limit.</param>
    /// <returns>Ids and mask, both [length].</returns>
    /// <exception cref="InferenceException">The tokenizer knows an id that the text encoder has no embedding for.</exception>
    public (long[] Ids, long[] Mask) Tokenize(string caption, int? paddedLength)
    {
        int[] ids = tokenize(caption, paddedLength ?? config.MaxTokens);
        return TokenRows.Create(ids, paddedLength ?? ids.Length, config.PadTokenId, config.VocabularySize, MusicGenConfig.TextComponent, caption);
    }

    /// <summary>Encodes one caption.</summary>
    public ConditioningRows Encode(string caption, int? paddedLength, CancellationToken cancellationToken)
    {
        (long[] ids, long[] mask) = Tokenize(caption, paddedLength);
        return Encode(ids, mask, 1, cancellationToken);
    }

    /// <summary>Runs the graph `t5`.</summary>
    /// <param name="ids">[batch, length].</param>
    /// <param name="mask">[batch, length]: 1 for tokens, 0 for padding.</param>
    /// <param name="batch">Captions.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public ConditioningRows Encode(ReadOnlySpan<long> ids, ReadOnlySpan<long> mask, int batch, CancellationToken cancellationToken)
    {
        int length = ids.Length / batch;
        using IModelRun run = models.Get(MusicGenConfig.TextComponent).CreateRun();
        using NativeTensor inputIds = NativeTensor.Of(ids, batch, length);
        using NativeTensor attentionMask = NativeTensor.Of(mask, batch, length);
        using NativeTensor states = NativeTensor.Allocate<float>(batch, length, config.Width);
        run.BindInput("input_ids", inputIds);
        run.BindInput("attention_mask", attentionMask);
        run.BindOutput("last_hidden_state", states);
        run.Run(cancellationToken);
        return new ConditioningRows(states.AsSpan<float>().ToArray(), mask.ToArray(), batch, length, config.Width);
    }
}
