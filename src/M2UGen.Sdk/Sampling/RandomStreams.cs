namespace M2UGen.Sdk.Sampling;

/// <summary>
/// Which random stream serves what. Part of what a seed means: a number here never changes its purpose, so that a recorded request gives
/// the same result with later versions.
/// </summary>
internal static class RandomStreams
{
    /// <summary>The tokens of an answer.</summary>
    public const ulong Text = 0;

    /// <summary>Choices of the reference that depend on chance before any model runs (which frames, which crop).</summary>
    public const ulong Media = 1;

    /// <summary>Noise that diffusion starts from; the clip's number is added.</summary>
    public const ulong Noise = 3UL << 32;

    /// <summary>Noise that a diffusion's steps add; the clip's number is added.</summary>
    public const ulong StepNoise = 4UL << 32;

    /// <summary>What chance decides when a clip is scored (which 10 s, which fusion pieces); the clip's number is added.</summary>
    public const ulong Scoring = 5UL << 32;

    /// <summary>The seed for a choice that the reference leaves to numpy's generator, such as the place in a film: seeds below 2^32 stay what they are, so that they mean what <c>np.random.seed</c> makes of them.</summary>
    /// <param name="seed">The request's seed; its high half is folded into the low one.</param>
    public static uint NumpySeed(ulong seed) => (uint)seed ^ (uint)(seed >> 32);

    /// <summary>The codes of one codebook of one clip.</summary>
    /// <param name="clip">Number of the clip in a batch.</param>
    /// <param name="codebook">The codebook's row, below 65536.</param>
    public static ulong Music(int clip, int codebook)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(clip);
        ArgumentOutOfRangeException.ThrowIfNegative(codebook);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codebook, ushort.MaxValue);
        return (1UL << 62) | ((ulong)(uint)clip << 16) | (uint)codebook;
    }
}
