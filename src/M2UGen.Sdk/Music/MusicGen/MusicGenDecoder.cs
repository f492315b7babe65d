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

    /// <summary>The most pieces that are made together.</summary>
    public int BatchSize { get; init; } = 1;

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
    /// <param name="models">The bundle's graphs.</param>
    /// <param name="bundle">The bundle.</param>
    /// <param name="batchSize">The most pieces that are made together.</param>
    /// <exception cref="ModelBundleException">The bundle has no MusicGen, or something in it is damaged.</exception>
    public static MusicGenDecoder Open(ModelSet models, ModelBundle bundle, int batchSize = 1)
    {
        MusicGenConfig config = MusicGenConfig.From(bundle);
        return new MusicGenDecoder(models, config, T5TextTokenizer.Load(bundle.TokenizerFolder(MusicGenConfig.TextComponent)).Encode, bundle.Manifest.Components.ContainsKey(EncodecConfig.EncoderComponent)) { BatchSize = batchSize };
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
        return GenerateBatch([request], [sink], cancellationToken)[0];
    }

    /// <remarks>
    /// Pieces are rows of one sequence, up to <see cref="BatchSize"/> of them, the longest beside each other. What cannot be one sequence is made one after the other: with and without guidance,
    /// behind audio prompts of unequal length, and, as a melody model's self attention sees its caption's padding, captions of unequal length there.
    /// </remarks>
    public IReadOnlyList<MusicDecoding> GenerateBatch(IReadOnlyList<MusicDecoderRequest> requests, IReadOnlyList<IMusicSink> sinks, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(sinks);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinks.Count, requests.Count, nameof(sinks));

        // The lengths are settled before any graph runs, so a wrong one fails at once.
        MusicGenPiece[] pieces = [.. requests.Zip(sinks, CreatePiece)];
        foreach (MusicGenPiece piece in pieces)
        {
            piece.Wait();
        }

        foreach (MusicGenPiece[] together in pieces
            .GroupBy(piece => (piece.Track.IsGuided, piece.Plan.PromptFrames, PrefixLength(piece.Request)))
            .SelectMany(alike => alike.OrderByDescending(piece => piece.Plan.Steps).Chunk(BatchSize)))
        {
            Make(together, cancellationToken);
        }

        return [.. pieces.Select(piece => piece.Result!)];
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

    private MusicGenPiece CreatePiece(MusicDecoderRequest request, IMusicSink sink) =>
        new(this, request, Plan(request), request.Options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), sink);

    /// <summary>Makes pieces that fit one sequence.</summary>
    private void Make(MusicGenPiece[] pieces, CancellationToken cancellationToken)
    {
        // A caption by itself, whatever stands beside it: its states are then those that it would have alone.
        ConditioningRows rows = ConditioningRows.Stack([.. pieces.Select(piece => Condition(piece.Request, cancellationToken))]);
        float[] chroma = [.. pieces.SelectMany(piece => Chroma(piece.Request.Conditioning.Melody))];
        foreach (MusicGenPiece piece in pieces)
        {
            EncodePrompt(Prompt(piece.Request.Conditioning.AudioPrompt), piece.Frames, cancellationToken);
        }

        try
        {
            foreach (MusicGenPiece piece in pieces)
            {
                piece.Begin();
            }

            using MusicGenCondition condition = CreateCondition(rows, chroma, pieces[0].Track.IsGuided, cancellationToken);
            using MusicGenSequence sequence = CreateSequence(condition, pieces.Max(piece => piece.Plan.FedCodes));
            CodebookGenerator generator = new(sequence, Config, [.. pieces.Select(piece => piece.Track)]);
            for (int pass = 0; pass < pieces.Max(piece => piece.Plan.Windows.Count); pass++)
            {
                generator.Begin([.. pieces.Select(piece => pass < piece.Plan.Windows.Count ? piece.Plan.Windows[pass] : default(MusicGenWindow?))]);
                while (generator.Step(cancellationToken))
                {
                    foreach (MusicGenPiece piece in pieces)
                    {
                        piece.Stepped(cancellationToken);
                    }
                }
            }
        }
        finally
        {
            foreach (MusicGenPiece piece in pieces)
            {
                piece.Dispose();
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
}
