using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>Where chance decides in CLAP's preprocessing: which part of a long clip is heard.</summary>
/// <param name="first">The smallest number that may come.</param>
/// <param name="count">How many may, at least 1.</param>
/// <returns>first .. first + count - 1.</returns>
internal delegate int ClapDraw(int first, int count);

/// <summary>Sources of <see cref="ClapDraw"/>.</summary>
internal static class ClapDraws
{
    /// <summary>Numbers from the request's seed, of their own stream for every clip: a ranking can be repeated (the reference's cannot).</summary>
    /// <param name="seed">The request's seed.</param>
    /// <param name="clip">The clip's number among the candidates.</param>
    public static ClapDraw Seeded(ulong seed, int clip)
    {
        CounterRandom random = new(seed, RandomStreams.Scoring + (uint)clip);
        return (first, count) => first + (int)(((ulong)random.NextUInt32() * (uint)count) >> 32);
    }
}
