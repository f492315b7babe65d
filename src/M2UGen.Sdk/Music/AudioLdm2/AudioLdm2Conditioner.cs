namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>A request's caption, embedding and negative prompt as the rows that the UNet attends to. Thread-safe.</summary>
/// <remarks>
/// Captions are padded to the release's 128 T5 positions (<see cref="Fidelity.PadCaption"/>) or, as diffusers' own pipeline does it, to the longest of the request:
/// padding is hidden from all attention, but GPT-2 counts its positions, so the two differ.
/// </remarks>
internal sealed class AudioLdm2Conditioner(AudioLdm2Config config, ICaptionEncoder captions)
{
    /// <summary>Floats of an embedding: all T5 positions, then GPT-2's vectors.</summary>
    private int EmbeddingLength => (config.CaptionTokens * captions.PromptWidth) + (captions.Vectors * captions.GeneratedWidth);

    /// <summary>Refuses an embedding of another model.</summary>
    /// <exception cref="ArgumentException">It does not have the decoder's sizes.</exception>
    public void Check(MusicDecoderRequest request)
    {
        if (request.Conditioning.Embedding is { } embedding && request.Options.Conditioning != MusicConditioningMode.Caption && embedding.Length != EmbeddingLength)
        {
            throw new ArgumentException($"The embedding has {embedding.Length} values; this decoder takes {config.CaptionTokens} x {captions.PromptWidth} of T5 followed by {captions.Vectors} x {captions.GeneratedWidth} of GPT-2.", nameof(request));
        }
    }

    /// <summary>Encodes everything.</summary>
    /// <exception cref="ArgumentException">The conditioning lacks what the options ask for.</exception>
    public UNetCondition Create(MusicDecoderRequest request, DiffusionSettings settings, CancellationToken cancellationToken)
    {
        MusicConditioningMode mode = request.Options.Conditioning;
        string? caption = request.Conditioning.Caption;
        if (caption is null && mode != MusicConditioningMode.Embedding)
        {
            throw new ArgumentException("The conditioning has no caption. Set MusicConditioning.Caption; it may be the empty text.", nameof(request));
        }

        if (request.Conditioning.Embedding is null && mode != MusicConditioningMode.Caption)
        {
            throw new ArgumentException($"MusicOptions.Conditioning is {mode}, but there is no embedding. Only a bundle with a language model and its output projector makes one; use {nameof(MusicConditioningMode.Caption)}.", nameof(request));
        }

        int padded = PaddedLength(request.Fidelity, mode, mode == MusicConditioningMode.Embedding ? null : caption, settings);
        CaptionStates states = mode switch
        {
            MusicConditioningMode.Caption => captions.Encode(caption!, padded, cancellationToken),
            MusicConditioningMode.Embedding => Embedding(request),
            _ => captions.Encode(caption!, padded, cancellationToken).Then(Embedding(request)),
        };
        return settings.IsGuided
            ? CaptionStates.Stack(captions.Encode(settings.NegativePrompt, padded, cancellationToken), states)
            : CaptionStates.Stack(states);
    }

    /// <summary>One length for caption and negative prompt: the full one, which an embedding has too, or the longer of the two.</summary>
    private int PaddedLength(Fidelity fidelity, MusicConditioningMode mode, string? caption, DiffusionSettings settings)
    {
        if (fidelity.PadCaption || mode != MusicConditioningMode.Caption)
        {
            return config.CaptionTokens;
        }

        int longest = captions.CountTokens(caption!);
        return Math.Min(config.CaptionTokens, settings.IsGuided ? Math.Max(longest, captions.CountTokens(settings.NegativePrompt)) : longest);
    }

    private CaptionStates Embedding(MusicDecoderRequest request)
    {
        Check(request);
        (ReadOnlyMemory<float> prompt, ReadOnlyMemory<float> generated) = OutputProjector.SplitAudioLdm2(request.Conditioning.Embedding!.Value, config.CaptionTokens, captions.PromptWidth);
        long[] mask = new long[config.CaptionTokens];
        int visible = request.Options.MaskEmbeddingByCaption && request.Conditioning.Caption is { } caption ? Math.Min(captions.CountTokens(caption), mask.Length) : mask.Length;
        mask.AsSpan(0, visible).Fill(1);
        return new CaptionStates(generated, captions.Vectors, prompt, mask);
    }
}
