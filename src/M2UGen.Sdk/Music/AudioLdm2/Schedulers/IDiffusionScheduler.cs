namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Takes noise to a sample along one trajectory: which model times there are, and what a model's output does to the sample.</summary>
/// <remarks>
/// Order of calls: <see cref="SetTimesteps"/> once, then for every element of <see cref="Timesteps"/> <see cref="ScaleInput"/>, the model, <see cref="Step"/>.
/// Not thread-safe: a trajectory has its own. <see cref="SetTimesteps"/> allocates everything; the other calls allocate nothing.
/// The tables and formulas are diffusers' (release 0.21.4), with float32 where it has float32.
/// </remarks>
internal interface IDiffusionScheduler
{
    /// <summary>The times to run the model at, in order; one element a call of <see cref="Step"/>, which can be more than the steps asked for (Heun, PNDM's warm-up) or fewer (Karras times that coincide).</summary>
    ReadOnlySpan<double> Timesteps { get; }

    /// <summary>Noise levels, one more than <see cref="Timesteps"/>; empty for schedulers that count in times alone.</summary>
    ReadOnlySpan<float> Sigmas { get; }

    /// <summary>What standard normal noise is multiplied with to start from.</summary>
    float InitNoiseSigma { get; }

    /// <summary>Whether <see cref="Step"/> takes noise.</summary>
    bool TakesNoise { get; }

    /// <summary>Starts a trajectory.</summary>
    /// <param name="steps">Steps, from 1 to the times that the model was trained with.</param>
    /// <param name="sampleLength">Elements of the sample.</param>
    /// <param name="rows">Independent parts of equal length that the sample has; only dynamic thresholding looks at them one by one.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too few or too many steps.</exception>
    void SetTimesteps(int steps, int sampleLength, int rows = 1);

    /// <summary>The sample as the model wants to see it at the current time.</summary>
    void ScaleInput(ReadOnlySpan<float> sample, Span<float> input);

    /// <summary>Takes the sample to the next time.</summary>
    /// <param name="modelOutput">What the model gave for the scaled input at the current time.</param>
    /// <param name="sample">In: the sample at the current time. Out: at the next.</param>
    /// <param name="noise">Standard normal, as long as the sample, where <see cref="TakesNoise"/>; else unused and may be empty.</param>
    void Step(ReadOnlySpan<float> modelOutput, Span<float> sample, ReadOnlySpan<float> noise);
}
