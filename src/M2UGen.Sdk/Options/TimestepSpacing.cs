namespace M2UGen.Sdk;

/// <summary>How diffusion steps are spread over the times that a model was trained with (arXiv:2305.08891, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>Even steps counted from time 0; the noisiest times are left out.</summary>
    Leading = 0,

    /// <summary>Evenly from the first to the last time.</summary>
    Linspace = 1,

    /// <summary>Even steps counted from the last time.</summary>
    Trailing = 2,
}
