namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>The rules by which a probe fills an input.</summary>
internal enum ProbeContent
{
    /// <summary>Reproducible numbers from -1 to 1.</summary>
    Noise,

    /// <summary>Reproducible token or code numbers below <see cref="ProbeInput.Range"/>, none of them the padding.</summary>
    Ids,

    /// <summary>Zeros: a bias that hides nothing, nothing to drop.</summary>
    Zeros,

    /// <summary>Ones: a mask that shows everything.</summary>
    Ones,

    /// <summary>The positions behind the past ones, along the last dimension.</summary>
    Positions,

    /// <summary>The number of the last position in the cache.</summary>
    LastPosition,

    /// <summary>The number of positions in the cache.</summary>
    TotalPositions,

    /// <summary>Times of a diffusion, from late to early.</summary>
    Times,

    /// <summary>The step of a cache of 8-bit integers.</summary>
    CacheScale,

    /// <summary>A cache: empty before the first run, and from then on what the graph wrote into it.</summary>
    Cache,
}
