namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>One run of a probe. Graphs with a cache have two: several positions at once, then one more over the cache, as in generation; the others have one.</summary>
/// <param name="Past">Positions that the cache holds already.</param>
/// <param name="Prefix">Rows of a prefix before the tokens, of the models that take one.</param>
/// <param name="Fed">Tokens or vectors that this run feeds.</param>
internal readonly record struct ProbeStep(int Past, int Prefix, int Fed)
{
    /// <summary>Positions that this run adds.</summary>
    public int Positions => Prefix + Fed;

    /// <summary>Positions in the cache behind this run.</summary>
    public int Total => Past + Positions;
}
