using System.Security.Cryptography;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>MusicGen (arXiv:2306.05284): caption, embedding, melody or sound to music, sound coming out while codes are still being made.</summary>
/// <remarks>
/// Thread-safe; what belongs to one piece lives in the call. Conditioning by caption and embedding together is cross attention over the caption's states followed
/// by the embedding's positions: every query spreads its attention over both. (The reference has no such mode.)
/// </remarks>
internal sealed class MusicGenDecoder : IMusicDecoder
{
    // Progress between two chunks of sound; often enough to watch, seldom enough not to matter.
    private const int StepsPerReport = 25;

    private readonly ModelSet _models;

    /// <param name="models">The bundle's components.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="tokenize">A caption's ids with the end token, cut to the given number of tokens.</param>
    /// <param name="hasEncoder">Whether the bundle holds the codec's encoder, which audio prompts need.</param>
    public MusicGenDecoder(ModelSet models, MusicGenConfig config, Func<string, int, int[]> tokenize, bool hasEncoder)
    {
        _models = models;
        Config = config;
        Text = new T5TextEncoder(models, config.Text, tokenize);
        Codec = new EncodecDecoder(models, config.Codec);
        Encoder = hasEncoder ? new EncodecEncoder(models, config.Codec) : null;
        Prompts = new AudioPromptPreprocessor(config);
        Melody = config.Chroma is null ? null : new ChromaExtractor(config.Chroma);
    }

    public MusicGenConfig Config { get; }

    public T5TextEncoder Text { get; }

    public EncodecDecoder Codec { get; }

    /// <summary>Null where the bundle holds no codec encoder.</summary>
    public EncodecEncoder? Encoder { get; }

    public AudioPromptPreprocessor Prompts { get; }

    /// <summary>Null where the model cannot follow a melody.</summary>
    public ChromaExtractor? Melody { get; }

    public int SampleRate => Config.Codec.SampleRate;

    public int Channels => Config.Channels;

    /// <summary>Reads the numbers and the tokenizer of a bundle; graphs are loaded when they are first needed.</summary>
    /// <exception cref="ModelBundleException">The bundle has no MusicGen, or something in it is damaged.</exception>
    public static MusicGenDecoder Open(ModelSet models, ModelBundle bundle)
    {
        MusicGenConfig config = MusicGenConfig.From(bundle);
        return new MusicGenDecoder(models, config, T5TextTokenizer.Load(bundle.TokenizerFolder(MusicGenConfig.TextComponent)).Encode, bundle.Manifest.Components.ContainsKey(EncodecConfig.EncoderComponent));
    }

    public void Check(MusicDecoderRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _ = Plan(request);
    }

    public MusicDecoding Generate(MusicDecoderRequest request, IMusicSink sink, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        MusicOptions options = request.Options;
        double scale = options.GuidanceScale ?? Config.Defaults.GuidanceScale;
        ulong seed = options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

        // The length is settled before any graph runs, so a wrong one fails at once.
        MusicGenPlan plan = Plan(request);
        sink.Report(new StageProgress(GenerationStage.Music, 0, plan.Steps));
        ConditioningRows rows = Condition(request, cancellationToken);
        CodeFrames frames = new(Config.Codebooks, plan.FrameCount);
        EncodePrompt(Prompt(request.Conditioning.AudioPrompt), frames, cancellationToken);
        using AudioEmitter emitter = new(Codec, frames, plan, Channels, sink);
        int steps = 0;
        FillCodes(frames, plan, rows, Chroma(request.Conditioning.Melody), scale, CodeChooser.Create(Config, options, seed, frames.Rows), Stepped, cancellationToken);
        emitter.Finish(cancellationToken);
        return new MusicDecoding
        {
            Audio = AudioClip.Own(emitter.Audio, SampleRate, Channels),
            Seed = seed,
            Steps = steps,
            Codes = Codes(frames),
        };

        void Stepped()
        {
            if (++steps % StepsPerReport == 0 || steps == plan.Steps)
            {
                sink.Report(new StageProgress(GenerationStage.Music, steps, plan.Steps));
            }

            emitter.Advance(cancellationToken);
        }
    }

    /// <summary>Makes the codes of one or several pieces of the same length.</summary>
    /// <param name="frames">[pieces × codebooks, <see cref="MusicGenPlan.FrameCount"/>], the prompts' codes in it; receives all others.</param>
    /// <param name="plan">The passes.</param>
    /// <param name="rows">What each piece listens to.</param>
    /// <param name="chroma">Melody models: [pieces, chroma length, classes].</param>
    /// <param name="guidanceScale">1 or less: no guidance.</param>
    /// <param name="chooser">Greedy, or at random.</param>
    /// <param name="stepped">Called after every step.</param>
    /// <param name="cancellationToken">Looked at in every step, and inside it.</param>
    public void FillCodes(CodeFrames frames, MusicGenPlan plan, ConditioningRows rows, ReadOnlySpan<float> chroma, double guidanceScale, CodeChooser chooser, Action? stepped, CancellationToken cancellationToken)
    {
        using MusicGenCondition condition = CreateCondition(rows, chroma, CodebookGenerator.IsGuided(guidanceScale), cancellationToken);
        using MusicGenSequence sequence = CreateSequence(condition, plan.FedCodes);
        CodebookGenerator generator = new(sequence, Config, frames, chooser, guidanceScale);
        foreach (MusicGenWindow window in plan.Windows)
        {
            generator.Begin(window);
            while (generator.Step(cancellationToken))
            {
                stepped?.Invoke();
            }
        }
    }

    /// <summary>Runs the conditioning graph.</summary>
    public MusicGenCondition CreateCondition(ConditioningRows rows, ReadOnlySpan<float> chroma, bool guided, CancellationToken cancellationToken) =>
        MusicGenCondition.Create(_models.Get(MusicGenConfig.ConditionComponent), Config, rows, chroma, guided, cancellationToken);

    /// <summary>Makes the decoder's state for up to <paramref name="capacity"/> codes a row.</summary>
    public MusicGenSequence CreateSequence(MusicGenCondition condition, int capacity) =>
        new(_models.Get(MusicGenConfig.DecoderComponent), Config, condition, capacity);

    /// <summary>Checks the request and settles the length. Before the caption is known, a melody model's prefix counts as short as it can be.</summary>
    private MusicGenPlan Plan(MusicDecoderRequest request)
    {
        CheckCapabilities(request.Conditioning);
        int promptFrames = 0;
        if (request.Conditioning.AudioPrompt is { } prompt)
        {
            AudioPromptPreprocessor.Check(prompt);
            promptFrames = Encoder!.FrameCount(Prompts.SampleCountOf(prompt));
        }

        if (request.Conditioning.Melody is { } melody)
        {
            ChromaExtractor.ThrowIfUnusable(melody.Samples.Span);
        }

        return MusicGenPlan.Create(Config, request.Options, request.Fidelity, promptFrames, PrefixLength(request));
    }

    private void CheckCapabilities(MusicConditioning conditioning)
    {
        if (conditioning.Melody is not null && !Config.IsMelody)
        {
            throw new UnsupportedCapabilityException("melody", "This bundle's MusicGen cannot follow a melody: only melody models (such as musicgen-melody) have a chroma input. Leave the melody out, use it as an audio prompt, or export a melody model.");
        }

        if (conditioning.AudioPrompt is null)
        {
            return;
        }

        if (Config.IsMelody)
        {
            throw new UnsupportedCapabilityException("audio prompt", "Melody models cannot go on from an audio prompt. Give the sound as the melody, or use a MusicGen that is no melody model.");
        }

        if (Encoder is null)
        {
            throw new UnsupportedCapabilityException("audio prompt", $"This bundle has no component '{EncodecConfig.EncoderComponent}', which an audio prompt needs. Export the bundle again with it.");
        }
    }

    /// <summary>Positions that the conditioning takes of a melody model's self attention.</summary>
    private int PrefixLength(MusicDecoderRequest request)
    {
        if (Config.Chroma is not { } chroma)
        {
            return 0;
        }

        MusicConditioningMode mode = request.Options.Conditioning;
        int caption = mode == MusicConditioningMode.Embedding ? 0 : Text.Tokenize(request.Conditioning.Caption ?? "", PaddedLength(request.Fidelity)).Ids.Length;
        int embedding = mode == MusicConditioningMode.Caption ? 0 : (request.Conditioning.Embedding?.Length ?? 0) / Config.TextWidth;
        return chroma.ChromaLength + caption + embedding;
    }

    private int? PaddedLength(Fidelity fidelity) => fidelity.PadCaption ? Config.PaddedCaptionTokens : null;

    /// <summary>What the decoder listens to, by <see cref="MusicOptions.Conditioning"/>.</summary>
    private ConditioningRows Condition(MusicDecoderRequest request, CancellationToken cancellationToken)
    {
        MusicConditioning conditioning = request.Conditioning;
        MusicConditioningMode mode = request.Options.Conditioning;
        int? padded = PaddedLength(request.Fidelity);
        if (mode == MusicConditioningMode.Caption)
        {
            return Caption();
        }

        ReadOnlyMemory<float> embedding = conditioning.Embedding
            ?? throw new ArgumentException($"MusicOptions.Conditioning is {mode}, but there is no embedding. Only a bundle with a language model and its output projector makes one; use {nameof(MusicConditioningMode.Caption)}.", nameof(request));
        int visible = request.Options.MaskEmbeddingByCaption ? (int)Text.Tokenize(CaptionText(), padded).Mask.Sum() : int.MaxValue;
        ConditioningRows rows = ConditioningRows.FromEmbedding(embedding.Span, Config.TextWidth, visible);
        return mode == MusicConditioningMode.Both ? Caption().Then(rows) : rows;

        ConditioningRows Caption() => Text.Encode(CaptionText(), padded, cancellationToken);

        string CaptionText() => conditioning.Caption
            ?? throw new ArgumentException("The conditioning has no caption. Set MusicConditioning.Caption; it may be the empty text.", nameof(request));
    }

    private float[] Chroma(AudioClip? melody) =>
        Config.Chroma is not { } chroma ? []
        : melody is null ? ChromaFeatures.None(chroma.ChromaLength, chroma.ChromaCount)
        : Melody!.Extract(melody).Fit(chroma.ChromaLength);

    private AudioPrompts? Prompt(AudioClip? clip) => clip is null ? null : Prompts.Pad([Prompts.Prepare(clip)]);

    /// <summary>Puts the prompt's codes first.</summary>
    private void EncodePrompt(AudioPrompts? prompt, CodeFrames frames, CancellationToken cancellationToken)
    {
        if (prompt is null)
        {
            return;
        }

        CodeFrames codes = Encoder!.Encode(prompt.Values, Channels, prompt.SampleCount, cancellationToken);
        for (int row = 0; row < codes.Rows; row++)
        {
            codes.Row(row, 0, codes.Count).CopyTo(frames.Row(row, 0, codes.Count));
        }

        frames.Count = codes.Count;
    }

    private static int[][] Codes(CodeFrames frames)
    {
        int[][] codes = new int[frames.Rows][];
        for (int row = 0; row < codes.Length; row++)
        {
            codes[row] = Array.ConvertAll(frames.Row(row, 0, frames.Count).ToArray(), code => (int)code);
        }

        return codes;
    }
}
