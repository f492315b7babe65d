namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>What a scheduler is made from: the numbers that a model was trained with, and the choices of a solver. A <c>scheduler_config.json</c> of diffusers holds both.</summary>
/// <remarks>Defaults are those of the published AudioLDM2 configuration; what it does not name has the default of diffusers' class.</remarks>
internal sealed record SchedulerConfig
{
    /// <summary>Times the model was trained with.</summary>
    public int TrainTimesteps { get; init; } = 1000;

    /// <summary>First value of the noise schedule.</summary>
    public double BetaStart { get; init; } = 0.0015;

    /// <summary>Last value of the noise schedule.</summary>
    public double BetaEnd { get; init; } = 0.0195;

    /// <summary>Shape of the noise schedule between the two.</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.ScaledLinear;

    /// <summary>The noise schedule itself, value by value, instead of the three numbers above.</summary>
    public IReadOnlyList<float>? TrainedBetas { get; init; }

    /// <summary>Shift the noise schedule so that its last time is pure noise (DDIM only; arXiv:2305.08891, algorithm 1).</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>What the model predicts.</summary>
    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    /// <summary>How steps are spread over the trained times.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Leading;

    /// <summary>Added to the times of <see cref="TimestepSpacing.Leading"/>.</summary>
    public int StepsOffset { get; init; } = 1;

    /// <summary>Whether the last step of DDIM and PNDM goes to a sample without noise; else to the noise of time 0.</summary>
    public bool SetAlphaToOne { get; init; }

    /// <summary>Clip the predicted sample to ± <see cref="ClipSampleRange"/> (DDIM, Heun).</summary>
    public bool ClipSample { get; init; }

    /// <summary>See <see cref="ClipSample"/>.</summary>
    public float ClipSampleRange { get; init; } = 1;

    /// <summary>Clip the predicted sample to a quantile of itself and scale it back (DDIM, DPM-Solver, UniPC; Imagen, arXiv:2205.11487).</summary>
    public bool Thresholding { get; init; }

    /// <summary>The quantile of <see cref="Thresholding"/>.</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>The largest threshold of <see cref="Thresholding"/>.</summary>
    public float SampleMaxValue { get; init; } = 1;

    /// <summary>Noise levels of Karras and others, arXiv:2206.00364, equation 5 (LMS, Euler, Heun, DPM-Solver, UniPC).</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>PNDM: start with the multistep method instead of three Runge-Kutta steps.</summary>
    public bool SkipPrkSteps { get; init; }

    /// <summary>Order of DPM-Solver (1 to 3) and UniPC (1 to 4).</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>Which of DPM-Solver's equations is solved.</summary>
    public DpmAlgorithm Algorithm { get; init; } = DpmAlgorithm.DpmSolverPlusPlus;

    /// <summary>The second-order form of DPM-Solver.</summary>
    public DpmSolverType SolverType { get; init; } = DpmSolverType.Midpoint;

    /// <summary>UniPC: B(h) = h instead of exp(h) - 1.</summary>
    public bool UniPcBh1 { get; init; }

    /// <summary>UniPC: solve for the sample (else for the noise).</summary>
    public bool PredictX0 { get; init; } = true;

    /// <summary>UniPC: steps, counted from 0, that the corrector leaves as they were predicted.</summary>
    public IReadOnlyList<int> UncorrectedSteps { get; init; } = [];

    /// <summary>Lower the order towards the end, which keeps few steps stable.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>DPM-Solver leaves out times whose half log signal-to-noise ratio lies below this.</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>DDIM: how much of each step's noise is drawn anew, 0 none, 1 as DDPM.</summary>
    public double Eta { get; init; }
}

/// <summary>Shape of a noise schedule.</summary>
internal enum BetaSchedule
{
    /// <summary>Evenly from the first to the last value.</summary>
    Linear,

    /// <summary>The square of an even spread over square roots.</summary>
    ScaledLinear,

    /// <summary>From a squared cosine, at most 0.999 (arXiv:2102.09672).</summary>
    SquaredCosine,
}

/// <summary>What a model's output means.</summary>
internal enum PredictionType
{
    /// <summary>The noise in the sample.</summary>
    Epsilon,

    /// <summary>The velocity, alpha · noise - sigma · sample (arXiv:2202.00512).</summary>
    VPrediction,
}

/// <summary>The equation that DPM-Solver solves.</summary>
internal enum DpmAlgorithm
{
    /// <summary>For the noise (arXiv:2206.00927).</summary>
    DpmSolver,

    /// <summary>For the sample (arXiv:2211.01095).</summary>
    DpmSolverPlusPlus,

    /// <summary>For the noise, with noise added at every step.</summary>
    SdeDpmSolver,

    /// <summary>For the sample, with noise added at every step.</summary>
    SdeDpmSolverPlusPlus,
}

/// <summary>DPM-Solver's second-order forms.</summary>
internal enum DpmSolverType
{
    /// <summary>Values in the middle of a step.</summary>
    Midpoint,

    /// <summary>Values at its end.</summary>
    Heun,
}
