namespace M2UGen.Sdk;

/// <summary>The method that takes a diffusion decoder from noise to music.</summary>
public enum DiffusionScheduler
{
    /// <summary>DDIM (arXiv:2010.02502), what the release uses: plain and robust, wants 100 steps and more.</summary>
    Ddim = 0,

    /// <summary>Pseudo linear multistep with a Runge-Kutta warm-up (arXiv:2202.09778): nine model calls more than steps.</summary>
    Pndm = 1,

    /// <summary>Linear multistep over noise levels.</summary>
    Lms = 2,

    /// <summary>Euler's method over noise levels.</summary>
    Euler = 3,

    /// <summary>Euler's method with noise drawn at every step: another number of steps gives other music, not the same music more exactly.</summary>
    EulerAncestral = 4,

    /// <summary>Heun's method: two model calls a step.</summary>
    Heun = 5,

    /// <summary>DPM-Solver++ (arXiv:2211.01095), multistep: the least steps for a given quality.</summary>
    DpmSolver = 6,

    /// <summary>UniPC (arXiv:2302.04867): a multistep predictor and corrector.</summary>
    UniPc = 7,
}
