namespace M2UGen.Sdk;

/// <summary>How one sample is stored in a WAV file.</summary>
public enum WavEncoding
{
    /// <summary>16-bit signed integers: sample × 32768, rounded half to even, clipped to [-32768, 32767].</summary>
    Pcm16,

    /// <summary>8-bit unsigned integers: sample × 128 + 128, rounded half to even, clipped to [0, 255].</summary>
    Pcm8,

    /// <summary>24-bit signed integers: sample × 2²³, rounded half to even, clipped.</summary>
    Pcm24,

    /// <summary>32-bit signed integers: sample × 2³¹, rounded half to even, clipped.</summary>
    Pcm32,

    /// <summary>32-bit IEEE floats: the samples as they are, never clipped.</summary>
    Float32,

    /// <summary>64-bit IEEE floats; narrowed to 32 bits when read.</summary>
    Float64,

    /// <summary>G.711 µ-law bytes (read only).</summary>
    MuLaw,

    /// <summary>G.711 A-law bytes (read only).</summary>
    ALaw,
}

/// <summary>What the samples of a WAV file are: rate, channels and encoding.</summary>
/// <param name="SampleRate">Samples per second and channel, in Hz, 1 to <see cref="AudioClip.MaxSampleRate"/>.</param>
/// <param name="Channels">Interleaved channels, 1 to <see cref="AudioClip.MaxChannels"/>.</param>
/// <param name="Encoding">How one sample is stored.</param>
public sealed record WavFormat(int SampleRate, int Channels, WavEncoding Encoding = WavEncoding.Pcm16)
{
    /// <summary>Bytes of one stored sample of one channel.</summary>
    public int BytesPerSample => Encoding switch
    {
        WavEncoding.Pcm8 or WavEncoding.MuLaw or WavEncoding.ALaw => 1,
        WavEncoding.Pcm16 => 2,
        WavEncoding.Pcm24 => 3,
        WavEncoding.Pcm32 or WavEncoding.Float32 => 4,
        WavEncoding.Float64 => 8,
        _ => throw new InvalidOperationException($"No WAV encoding has the number {(int)Encoding}."),
    };

    /// <summary>Bytes of one sample of all channels.</summary>
    public int BytesPerFrame => BytesPerSample * Channels;

    /// <summary>Throws for a format that cannot be written.</summary>
    internal void ThrowIfNotWritable()
    {
        AudioClip.ThrowIfInvalid(SampleRate, Channels);
        if (!Enum.IsDefined(Encoding) || Encoding is WavEncoding.MuLaw or WavEncoding.ALaw)
        {
            throw new ArgumentException($"Encoding {Encoding} cannot be written; choose Pcm8, Pcm16, Pcm24, Pcm32, Float32 or Float64.", nameof(Encoding));
        }
    }
}

/// <summary>How <see cref="AudioClip"/> is written as a WAV file.</summary>
public sealed record WavOptions
{
    /// <summary>How samples are stored.</summary>
    /// <value>Default <see cref="WavEncoding.Pcm16"/>. Integers are rounded half to even, without dither; values outside [-1, 1) are clipped.</value>
    public WavEncoding Encoding { get; init; } = WavEncoding.Pcm16;

    /// <summary>Text kept in the file beside the sound (RIFF INFO, ICMT, UTF-8), such as a result's manifest.</summary>
    /// <value>Default null: none.</value>
    public string? Comment { get; init; }
}
