using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>clap-text</c>.</summary>
/// <param name="VocabularySize">Ids that it has embeddings for.</param>
/// <param name="PadTokenId">The id that pads texts.</param>
/// <param name="MaxTokens">Tokens of a text at most, special ones included.</param>
/// <param name="Width">Width of an embedding.</param>
internal sealed record ClapTextConfig(int VocabularySize, int PadTokenId, int MaxTokens, int Width)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static ClapTextConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, ClapTextEncoder.Component);
        return new ClapTextConfig(
            numbers.Required("vocab_size"),
            numbers.Required("pad_token_id", least: 0),
            numbers.Required("max_tokens", least: 3, most: 1 << 20),
            numbers.Required("width", most: 1 << 20));
    }
}

/// <summary>Texts to embeddings of length one: tokenizer and CLAP's text tower (arXiv:2211.06687). Thread-safe.</summary>
/// <remarks>Texts are encoded unpadded: the tower hides padding from the token that the embedding is made of, so nothing changes but the time it takes.</remarks>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
/// <param name="tokenizer">The tokenizer that belongs to it.</param>
internal sealed class ClapTextEncoder(ModelSet models, ClapTextConfig config, RobertaTextTokenizer tokenizer)
{
    /// <summary>The component's name.</summary>
    public const string Component = "clap-text";

    /// <summary>The name of its tokenizer in a bundle.</summary>
    public const string Tokenizer = "roberta";

    /// <summary>The component's numbers.</summary>
    public ClapTextConfig Config { get; } = config;

    /// <summary>Tokens that a text is cut at: the tokenizer's limit, or the model's where that is lower.</summary>
    public int MaxTokens => Math.Min(Config.MaxTokens, tokenizer.MaxLength ?? int.MaxValue);

    /// <summary>Reads what is small.</summary>
    /// <exception cref="M2UGenException">The tokenizer or a number is missing or damaged.</exception>
    public static ClapTextEncoder Open(ModelBundle bundle, ModelSet models) =>
        new(models, ClapTextConfig.From(bundle), RobertaTextTokenizer.Load(bundle.TokenizerFolder(Tokenizer)));

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text, the empty one too.</param>
    /// <param name="paddedLength">Pad or cut to so many tokens; null: the text's own, cut at <see cref="MaxTokens"/>.</param>
    /// <returns>Ids and mask, both [length].</returns>
    /// <exception cref="InferenceException">The tokenizer knows an id that the text encoder has no embedding for.</exception>
    public (long[] Ids, long[] Mask) Tokenize(string text, int? paddedLength = null)
    {
        int[] ids = tokenizer.Encode(text, paddedLength ?? MaxTokens);
        return TokenRows.Create(ids, paddedLength ?? ids.Length, Config.PadTokenId, Config.VocabularySize, Component, text);
    }

    /// <summary>Encodes one text.</summary>
    /// <returns>[width], of length one.</returns>
    public float[] Encode(string text, CancellationToken cancellationToken)
    {
        (long[] ids, long[] mask) = Tokenize(text);
        return Encode(ids, mask, 1, cancellationToken);
    }

    /// <summary>Runs the graph.</summary>
    /// <param name="ids">[batch, length].</param>
    /// <param name="mask">[batch, length]: 1 for tokens, 0 for padding.</param>
    /// <param name="batch">Texts.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[batch, width], each row of length one.</returns>
    public float[] Encode(ReadOnlySpan<long> ids, ReadOnlySpan<long> mask, int batch, CancellationToken cancellationToken)
    {
        int length = ids.Length / batch;
        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor inputIds = NativeTensor.Of(ids, batch, length);
        using NativeTensor attentionMask = NativeTensor.Of(mask, batch, length);
        using NativeTensor embeddings = NativeTensor.Allocate<float>(batch, Config.Width);
        run.BindInput("input_ids", inputIds);
        run.BindInput("attention_mask", attentionMask);
        run.BindOutput("text_embeds", embeddings);
        run.Run(cancellationToken);
        return embeddings.AsSpan<float>().ToArray();
    }
}
