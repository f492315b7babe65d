namespace M2UGen.Sdk;

/// <summary>Turns a conditioning (caption, embedding, melody, sound to go on from) into sound. Another decoder can be plugged into the pipeline by it.</summary>
/// <remarks>
/// Implementations are thread-safe: everything that belongs to one piece of music lives in the call that makes it.
/// </remarks>
public interface IMusicDecoder
{
    /// <summary>Samples a second and channel of everything this decoder makes, in Hz.</summary>
    int SampleRate { get; }

    /// <summary>Interleaved channels of everything this decoder makes: 1 mono, 2 stereo (left first).</summary>
    int Channels { get; }

    /// <summary>Refuses what can be told to be impossible before any work. Where music is what the caller waits for, the pipeline asks before the language model begins to answer.</summary>
    /// <param name="request">What will be made. A caption or an embedding that only the answer brings is still missing.</param>
    /// <remarks>Runs no model; the default refuses nothing. <see cref="Generate"/> checks again, with all that is then known.</remarks>
    /// <exception cref="ArgumentException">The length, the audio prompt or the melody is of no use.</exception>
    /// <exception cref="UnsupportedCapabilityException">The decoder's model cannot do what was asked, such as follow a melody.</exception>
    void Check(MusicDecoderRequest request)
    {
    }

    /// <summary>Makes one piece of music on the calling thread.</summary>
    /// <param name="request">What to make; its options have been checked by the pipeline.</param>
    /// <param name="sink">Receives sound while it is made, in order and without gaps, and the progress of the stages.</param>
    /// <param name="cancellationToken">Looked at in every step, and inside the model call of a step.</param>
    /// <returns>The whole piece; its samples are those that the sink received.</returns>
    /// <exception cref="ArgumentException">The conditioning lacks what the options ask for, or does not have the decoder's sizes.</exception>
    /// <exception cref="UnsupportedCapabilityException">The decoder's model cannot do what was asked, such as follow a melody.</exception>
    /// <exception cref="InferenceException">A model call failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    MusicDecoding Generate(MusicDecoderRequest request, IMusicSink sink, CancellationToken cancellationToken);

    /// <summary>Makes several pieces of music on the calling thread. Each is the piece that <see cref="Generate"/> makes of its request and seed, whichever others stand beside it.</summary>
    /// <param name="requests">What to make; at least one.</param>
    /// <param name="sinks">One for each request; never called at the same time.</param>
    /// <param name="cancellationToken">Looked at in every step, and inside the model call of a step.</param>
    /// <returns>The pieces, in the order of the requests.</returns>
    /// <remarks>The default makes one after the other; a decoder whose model takes several rows can be faster.</remarks>
    /// <exception cref="ArgumentException">A conditioning lacks what the options ask for, or does not have the decoder's sizes; or there are not as many sinks as requests.</exception>
    /// <exception cref="UnsupportedCapabilityException">The decoder's model cannot do what was asked, such as follow a melody.</exception>
    /// <exception cref="InferenceException">A model call failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    IReadOnlyList<MusicDecoding> GenerateBatch(IReadOnlyList<MusicDecoderRequest> requests, IReadOnlyList<IMusicSink> sinks, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(sinks);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinks.Count, requests.Count, nameof(sinks));
        return [.. requests.Zip(sinks, (request, sink) => Generate(request, sink, cancellationToken))];
    }
}

/// <summary>Receives what a music decoder makes while it makes it. Called on the decoder's thread, one call at a time.</summary>
/// <remarks>A sink that blocks holds generation back, which is how a slow reader slows a stream down.</remarks>
public interface IMusicSink
{
    /// <summary>Takes the next piece of sound; its memory is the sink's.</summary>
    void Write(AudioChunk chunk);

    /// <summary>Takes notice of how far a stage has come.</summary>
    void Report(StageProgress progress);

    /// <summary>Takes unfinished latents, where the request asks for them; the default does nothing with them.</summary>
    void Preview(LatentPreview preview)
    {
    }
}

/// <summary>One piece of music as a decoder is asked for it.</summary>
public sealed record MusicDecoderRequest
{
    /// <summary>What the music shall follow.</summary>
    public required MusicConditioning Conditioning { get; init; }

    /// <summary>Length, guidance, sampling and seed; null values are the decoder's own defaults.</summary>
    /// <value><see cref="MusicOptions.Default"/>.</value>
    public MusicOptions Options { get; init; } = MusicOptions.Default;

    /// <summary>Which habits of the reference are kept.</summary>
    /// <value><see cref="M2UGen.Sdk.Fidelity.Improved"/>.</value>
    public Fidelity Fidelity { get; init; } = Fidelity.Improved;
}

/// <summary>What a music decoder made. Plain data; safe to share.</summary>
public sealed record MusicDecoding
{
    /// <summary>The whole piece.</summary>
    public required AudioClip Audio { get; init; }

    /// <summary>The seed that was drawn with: the request's, or the one chosen for it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Decoder steps taken: tokens of a codebook, or steps of a diffusion.</summary>
    public required int Steps { get; init; }

    /// <summary>All pieces that were made, best first; the first is <see cref="Audio"/>. Null for decoders that make one.</summary>
    public IReadOnlyList<MusicCandidate>? Candidates { get; init; }

    /// <summary>The codes the sound was decoded from, [codebooks, frames], those of an audio prompt first; null for decoders without codes.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? Codes { get; init; }
}
