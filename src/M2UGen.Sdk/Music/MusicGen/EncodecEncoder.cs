using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>EnCodec's encoder: sound to codes.</summary>
/// <remarks>
/// Thread-safe. Sound up to <see cref="MaxFramesPerCall"/> frames is encoded at once. Longer sound is encoded in pieces, each with a lead-in that lets the LSTM settle and
/// is thrown away: bounded memory, and codes that may differ here and there from those of one call.
/// </remarks>
internal sealed class EncodecEncoder(ModelSet models, EncodecConfig config)
{
    // Longer than the published models' whole position table (40 s), so a prompt that one pass can hold is always exact.
    private const int MaxSecondsPerCall = 45;
    private const int LeadInSeconds = 2;

    // Frames on the right of a piece whose true neighbours its last frames look at.
    private const int LookAhead = 4;

    public EncodecConfig Config { get; } = config;

    /// <summary>Frames that one call of the graph encodes at most.</summary>
    public int MaxFramesPerCall { get; } = Math.Max(64, MaxSecondsPerCall * config.SampleRate / config.SamplesPerFrame);

    public static EncodecEncoder Open(ModelSet models, ModelBundle bundle) => new(models, EncodecConfig.From(bundle));

    /// <summary>Frames that <paramref name="samples"/> samples become.</summary>
    public int FrameCount(int samples) => (int)(((long)samples + Config.SamplesPerFrame - 1) / Config.SamplesPerFrame);

    /// <summary>Encodes pieces of equal length.</summary>
    /// <param name="audio">[pieces, channels, samples] at the codec's rate.</param>
    /// <param name="channels">1 mono, 2 stereo: then codebook rows alternate left and right.</param>
    /// <param name="samples">Samples a channel, 1 or more.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[pieces × codebooks × channels, frames].</returns>
    public CodeFrames Encode(ReadOnlySpan<float> audio, int channels, int samples, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        int planes = audio.Length / samples;
        if (planes * samples != audio.Length || planes % channels != 0)
        {
            throw new ArgumentException($"{audio.Length} samples are no whole number of {channels}-channel pieces of {samples} samples.", nameof(audio));
        }

        int frames = FrameCount(samples);
        CodeFrames codes = new(planes * Config.Codebooks, frames) { Count = frames };
        using IModelRun run = models.Get(EncodecConfig.EncoderComponent).CreateRun();
        run.BindOutputToAllocated("codes");
        int leadIn = LeadInSeconds * Config.SampleRate / Config.SamplesPerFrame;
        int done = 0;
        while (done < frames)
        {
            int from = done == 0 ? 0 : Math.Max(0, done - leadIn);
            int to = Math.Min(frames, from + MaxFramesPerCall);
            int end = to == frames ? frames : to - LookAhead;
            EncodePiece(run, audio, channels, samples, from, to, done, end, codes, cancellationToken);
            done = end;
        }

        return codes;
    }

    private void EncodePiece(IModelRun run, ReadOnlySpan<float> audio, int channels, int samples, int from, int to, int done, int end, CodeFrames codes, CancellationToken cancellationToken)
    {
        int planes = audio.Length / samples;
        int start = from * Config.SamplesPerFrame;
        int count = Math.Min(samples, to * Config.SamplesPerFrame) - start;
        using NativeTensor input = NativeTensor.Allocate<float>(planes, 1, count);
        Span<float> values = input.AsSpan<float>();
        for (int plane = 0; plane < planes; plane++)
        {
            audio.Slice((plane * samples) + start, count).CopyTo(values[(plane * count)..]);
        }

        run.BindInput("audio", input);
        run.Run(cancellationToken);
        using NativeTensor output = run.TakeOutput("codes");
        ReadOnlySpan<long> found = output.AsSpan<long>();
        for (int plane = 0; plane < planes; plane++)
        {
            for (int codebook = 0; codebook < Config.Codebooks; codebook++)
            {
                int row = ((((plane / channels) * Config.Codebooks) + codebook) * channels) + (plane % channels);
                int first = (((plane * Config.Codebooks) + codebook) * (to - from)) + (done - from);
                found.Slice(first, end - done).CopyTo(codes.Row(row, done, end - done));
            }
        }
    }
}
