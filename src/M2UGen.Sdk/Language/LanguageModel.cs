using M2UGen.Sdk.Language.Generation;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Language;

/// <summary>The language half of a bundle: instruction in, answer and music tokens' hidden states out.</summary>
/// <remarks>Thread-safe: everything that belongs to one answer lives in the call that makes it.</remarks>
internal sealed class LanguageModel
{
    /// <summary>The component's name in a bundle.</summary>
    public const string Component = "llama";

    /// <summary>The constant prefix of requests without media, among a bundle's tensors.</summary>
    public const string TextPrefix = "prefix-text";

    private readonly Func<IOnnxModel> _model;
    private readonly float[] _textPrefix;
    private readonly PrefillPlan _plan;
    private readonly PromptCache _prompts;

    /// <param name="model">The component <c>llama</c>; asked for with every answer that no kept prompt serves.</param>
    /// <param name="config">Its sizes.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="textPrefix">[prefix layers, dim] of requests without media.</param>
    /// <param name="prompts">Prompts that later answers may begin with; the caller clears it before the graph is freed.</param>
    public LanguageModel(Func<IOnnxModel> model, LlamaConfig config, LlamaTextTokenizer tokenizer, float[] textPrefix, PromptCache prompts)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(textPrefix.Length, config.PrefixLayers * config.Dim, nameof(textPrefix));
        _model = model;
        Config = config;
        Tokenizer = tokenizer;
        _textPrefix = textPrefix;
        _plan = new PrefillPlan(tokenizer);
        _prompts = prompts;
    }

    /// <summary>The model's sizes.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Its tokenizer.</summary>
    public LlamaTextTokenizer Tokenizer { get; }

    /// <summary>Reads what is small; the graph itself loads with the first answer.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="models">Its graphs.</param>
    /// <param name="prompts">Prompts that later answers may begin with; null: none is kept.</param>
    /// <exception cref="ModelBundleException">A part is missing, damaged, or does not fit the others.</exception>
    public static LanguageModel Open(ModelBundle bundle, ModelSet models, PromptCache? prompts = null)
    {
        LlamaConfig config = LlamaConfig.From(bundle.Component(Component)) with { CacheScales = KVCacheFormat.ReadScales(bundle, Component) };
        string folder = bundle.PathOf(bundle.Manifest.Tokenizers[Component].Folder);
        LlamaTextTokenizer tokenizer = LlamaTextTokenizer.Load(folder);
        if (tokenizer.AudioTokenStart + LlamaTextTokenizer.AudioTokenCount > config.VocabularySize)
        {
            throw new ModelBundleException(folder, $"The tokenizer of '{folder}' ends its music tokens at id {tokenizer.AudioTokenStart + LlamaTextTokenizer.AudioTokenCount - 1}, but the language model has {config.VocabularySize} tokens. Export the bundle again with the tokenizer that the checkpoint was trained with.");
        }

        float[] prefix = bundle.ReadTensor(TextPrefix);
        return prefix.Length == config.PrefixLayers * config.Dim
            ? new LanguageModel(() => models.Get(Component), config, tokenizer, prefix, prompts ?? PromptCache.None)
            : throw new ModelBundleException(bundle.Directory, $"Tensor '{TextPrefix}' of bundle '{bundle.Directory}' has {prefix.Length} numbers; the language model takes [{config.PrefixLayers}, {config.Dim}]. Export the bundle again.");
    }

    /// <summary>Answers on the calling thread.</summary>
    /// <param name="input">What is asked.</param>
    /// <param name="send">Receives text and progress while they come; null if nobody looks (nothing is then allocated for it).</param>
    /// <param name="cancellationToken">Looked at in every step and inside its model call.</param>
    /// <exception cref="ArgumentException">The prompt fills the model's context.</exception>
    public LanguageOutput Answer(LanguageInput input, Action<GenerationUpdate>? send, CancellationToken cancellationToken)
    {
        int[] prompt = new PromptBuilder(Tokenizer, Config.ContextLength).Build(input);
        return Continue(prompt, input, send, cancellationToken);
    }

    /// <summary>Answers a prompt that is tokens already (template included).</summary>
    public LanguageOutput Continue(int[] prompt, LanguageInput input, Action<GenerationUpdate>? send, CancellationToken cancellationToken)
    {
        // The reference: total_len = min(max_seq_len, max_gen_len + prompt).
        int room = Config.ContextLength - prompt.Length;
        if (room < 1)
        {
            throw new ArgumentException($"The prompt has {prompt.Length} tokens (its template included); the model's context holds {Config.ContextLength}, and the answer needs at least one of them. Shorten the prompt.", nameof(input));
        }

        int limit = Math.Min(input.Options.MaxNewTokens, room);
        ReadOnlySpan<float> prefix = input.Prefix is { } given ? given.Span : _textPrefix;
        int[] ends = _plan.Ends(prompt, input.PrefillChunkSize);

        // The graph first: others may have to make room for it, also where a reader goes on.
        IOnnxModel model = _model();
        PromptReader reader = _prompts.Take(prompt, ends, prefix) ?? Create(model, prompt.Length + limit, prefix);
        bool isSound = false;
        try
        {
            int reused = reader.Read(prompt, ends, prefix, cancellationToken);
            LanguageOutput output = Write(reader.Decoder, prompt, limit, input, send, cancellationToken) with { ReusedTokenCount = reused };
            isSound = true;
            return output;
        }
        catch (OperationCanceledException)
        {
            // The rows of the calls that ended are what they are; those of the one that was stopped do not count as read.
            isSound = true;
            throw;
        }
        finally
        {
            if (isSound)
            {
                _prompts.Give(reader);
            }
            else
            {
                reader.Dispose();
            }
        }
    }

    private PromptReader Create(IOnnxModel model, int positions, ReadOnlySpan<float> prefix) =>
        new(new LlamaDecoder(model, Config, _prompts.Capacity > 0 ? Config.ContextLength : positions, prefix), prefix);

    /// <summary>Writes the answer behind a prompt that the decoder has read.</summary>
    private LanguageOutput Write(LlamaDecoder decoder, int[] prompt, int limit, LanguageInput input, Action<GenerationUpdate>? send, CancellationToken cancellationToken)
    {
        AudioTokenStates states = new(Tokenizer, Config.Dim);
        StopRule stopRule = new(Tokenizer, input.Fidelity.StopAtEndOfSequence);
        TokenGenerator generator = new(decoder, new AnswerSampler(input.Options, input.Seed), stopRule, states) { Limit = limit };
        AnswerWriter text = new(Tokenizer, input.Fidelity);
        TokenSink? sink = send is null ? null : new TokenSink(text, send, limit);
        StopReason reason = generator.Generate(prompt, sink, cancellationToken);
        if (sink is null)
        {
            foreach (int id in generator.TokenIds)
            {
                text.Push(id);
            }
        }

        text.Complete(reason);
        sink?.Complete(generator.TokenIds.Length);
        return new LanguageOutput(
            text.ToString(),
            AnswerWriter.Raw(Tokenizer, input.Fidelity, generator.TokenIds, reason),
            [.. generator.TokenIds],
            prompt.Length,
            ReusedTokenCount: 0,
            reason,
            states.Take(input.Fidelity.RequireLastAudioTokenSetComplete));
    }

    /// <summary>Turns tokens into the updates of a stream.</summary>
    private sealed class TokenSink(AnswerWriter text, Action<GenerationUpdate> send, int limit) : ITokenSink
    {
        public void OnToken(int id, int count)
        {
            text.Push(id);
            SendNewText();
            send(new StageProgress(GenerationStage.Language, count, limit));
        }

        public void Complete(int count)
        {
            SendNewText();

            // Whatever the limit was, the stage is done.
            send(new StageProgress(GenerationStage.Language, count, count));
        }

        private void SendNewText()
        {
            if (text.TakeNew() is { Length: > 0 } delta)
            {
                send(new TextDelta(delta));
            }
        }
    }
}
