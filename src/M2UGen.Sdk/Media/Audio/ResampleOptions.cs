namespace M2UGen.Sdk;

/// <summary>The window of the resampling filter.</summary>
public enum ResampleWindow
{
    /// <summary>Hann: torchaudio's "sinc_interp_hann".</summary>
    Hann,

    /// <summary>Kaiser: torchaudio's "sinc_interp_kaiser".</summary>
    Kaiser,
}

/// <summary>The low-pass filter of <see cref="AudioClip.Resample(int, ResampleOptions)"/>, named as in torchaudio.functional.resample.</summary>
public sealed record ResampleOptions
{
    /// <summary>Zero crossings of the sinc on each side: more is sharper and slower.</summary>
    /// <value>Default 6; 1 to 4096.</value>
    public int LowpassFilterWidth { get; init; } = 6;

    /// <summary>The cutoff as a fraction of the lower rate's Nyquist frequency.</summary>
    /// <value>Default 0.99; above 0, at most 1.</value>
    public double Rolloff { get; init; } = 0.99;

    /// <summary>The window of the sinc.</summary>
    /// <value>Default <see cref="ResampleWindow.Hann"/>.</value>
    public ResampleWindow Window { get; init; } = ResampleWindow.Hann;

    /// <summary>The shape parameter of the Kaiser window.</summary>
    /// <value>Default 14.769656459379492, torchaudio's; 0 to 80, beyond which 32-bit floats overflow.</value>
    public double KaiserBeta { get; init; } = 14.769656459379492;

    internal void ThrowIfInvalid()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(LowpassFilterWidth, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LowpassFilterWidth, 4096);
        if (!(Rolloff is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(Rolloff), Rolloff, "Rolloff is a fraction of the Nyquist frequency: above 0, at most 1.");
        }

        if (!(KaiserBeta is >= 0 and <= 80))
        {
            throw new ArgumentOutOfRangeException(nameof(KaiserBeta), KaiserBeta, "KaiserBeta is 0 to 80.");
        }

        if (!Enum.IsDefined(Window))
        {
            throw new ArgumentOutOfRangeException(nameof(Window), Window, "No window has this number.");
        }
    }
}
