using System.Globalization;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>A request's caption, embedding and negative prompt as the rows that the UNet attends to. Thread-safe.</summary>
/// <remarks>
/// Padding is hidden from all attention and not computed, but GPT-2 counts its positions. The release pads captions to 128 T5 positions (<see cref="Fidelity.PadCaption"/>);
/// diffusers' own pipeline lets the prompt be as long as it is and pads the negative prompt to it. Beside an embedding, which has all positions, both count fully.
/// </remarks>
internal sealed class AudioLdm2Conditioner(AudioLdm2Config config, ICaptionEncoder captions)
{
    /// <summary>Refuses an embedding of another model.</summary>
    /// <exception cref="ArgumentException">It does not have the decoder's sizes.</exception>
    public void Check(MusicDecoderRequest request)
    {
        if (request.Conditioning.Embedding is { } embedding && request.Options.Conditioning != MusicConditioningMode.Caption)
        {
            _ = PositionsOf(embedding);
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

        int counted = mode != MusicConditioningMode.Caption ? PositionsOf(request.Conditioning.Embedding!.Value)
            : request.Fidelity.PadCaption ? captions.MaxTokens
            : captions.CountTokens(caption!);
        CaptionStates states = mode switch
        {
            MusicConditioningMode.Caption => captions.Encode(caption!, counted, cancellationToken),
            MusicConditioningMode.Embedding => Embedding(request),
            _ => captions.Encode(caption!, counted, cancellationToken).Then(Embedding(request)),
        };
        return settings.IsGuided
            ? CaptionStates.Stack(captions.Encode(settings.NegativePrompt, counted, cancellationToken), states)
            : CaptionStates.Stack(states);
    }

    private CaptionStates Embedding(MusicDecoderRequest request)
    {
        ReadOnlyMemory<float> embedding = request.Conditioning.Embedding!.Value;
        int positions = PositionsOf(embedding);
        (ReadOnlyMemory<float> prompt, ReadOnlyMemory<float> generated) = OutputProjector.SplitAudioLdm2(embedding, positions, captions.PromptWidth);
        long[] mask = new long[positions];
        int visible = request.Options.MaskEmbeddingByCaption && request.Conditioning.Caption is { } caption ? Math.Min(captions.CountTokens(caption), positions) : positions;
        mask.AsSpan(0, visible).Fill(1);
        return new CaptionStates(generated, captions.Vectors, prompt, mask);
    }

    /// <summary>T5 positions of an embedding, which has them all before GPT-2's vectors.</summary>
    private int PositionsOf(ReadOnlyMemory<float> embedding)
    {
        (int positions, int rest) = Math.DivRem(embedding.Length - (captions.Vectors * captions.GeneratedWidth), captions.PromptWidth);
        return positions > 0 && rest == 0 && positions == (config.EmbeddingPositions ?? positions)
            ? positions
            : throw new ArgumentException($"The embedding has {embedding.Length} values; this decoder takes {config.EmbeddingPositions?.ToString(CultureInfo.InvariantCulture) ?? "some positions"} x {captions.PromptWidth} of T5 followed by {captions.Vectors} x {captions.GeneratedWidth} of GPT-2.", nameof(embedding));
    }
}
