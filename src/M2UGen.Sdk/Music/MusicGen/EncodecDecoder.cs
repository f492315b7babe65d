using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>EnCodec's decoder: codes to sound, at once or while the codes are still being made.</summary>
/// <remarks>
/// Thread-safe. Both forms are one: long music is decoded in pieces so that memory stays bounded, and a stream is the same with pieces that come later.
/// Stereo is the mono codec run twice, here as two rows of one batch: of a piece's codebook rows the even ones are left, the odd ones right.
/// </remarks>
internal sealed class EncodecDecoder(ModelSet models, EncodecConfig config)
{
    // One call on a published codec takes about 50 MB a second of sound.
    private const int MaxSecondsPerCall = 4;

    public EncodecConfig Config { get; } = config;

    /// <summary>Frames that one call of the graph decodes at most.</summary>
    public int MaxFramesPerCall { get; } = Math.Max(1, MaxSecondsPerCall * config.SampleRate / config.SamplesPerFrame);

    public static EncodecDecoder Open(ModelSet models, ModelBundle bundle) => new(models, EncodecConfig.From(bundle));

    /// <summary>Begins to decode codes that still grow.</summary>
    /// <param name="codes">The codes, rows = pieces × channels × <see cref="EncodecConfig.Codebooks"/>; read, never written.</param>
    /// <param name="channels">1 mono, 2 stereo.</param>
    /// <exception cref="ArgumentException">The rows are no whole number of pieces.</exception>
    public EncodecStream Begin(CodeFrames codes, int channels)
    {
        int perPiece = Config.Codebooks * channels;
        return codes.Rows % perPiece == 0
            ? new EncodecStream(models.Get(EncodecConfig.DecoderComponent), Config, codes, channels)
            : throw new ArgumentException($"{codes.Rows} rows of codes are no whole number of pieces with {perPiece} codebooks each.", nameof(codes));
    }

    /// <summary>Decodes codes that are all there.</summary>
    /// <param name="codes">Rows = pieces × channels × codebooks.</param>
    /// <param name="channels">1 mono, 2 stereo.</param>
    /// <param name="cancellationToken">Looked at in every piece, and inside the call.</param>
    /// <returns>[pieces × channels, frames × <see cref="EncodecConfig.SamplesPerFrame"/>].</returns>
    public float[] Decode(CodeFrames codes, int channels, CancellationToken cancellationToken)
    {
        using EncodecStream stream = Begin(codes, channels);
        int length = checked(codes.Count * Config.SamplesPerFrame);
        float[] audio = new float[checked((long)length * stream.Planes)];
        int done = 0;
        while (stream.Next(codes.Count, complete: true, MaxFramesPerCall, cancellationToken) is { } piece)
        {
            int count = piece.Length / stream.Planes;
            for (int plane = 0; plane < stream.Planes; plane++)
            {
                piece.AsSpan(plane * count, count).CopyTo(audio.AsSpan((plane * length) + done));
            }

            done += count;
        }

        return audio;
    }
}
