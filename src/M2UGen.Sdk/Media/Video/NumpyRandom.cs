namespace M2UGen.Sdk.Media.Video;

/// <summary>The random whole numbers of numpy's legacy generator after <c>np.random.seed</c>, so that a seed means what it means in the reference.</summary>
/// <remarks>
/// Mersenne Twister MT19937; a range is drawn by masking 32 bits and drawing again while the number is too large. Source: Matsumoto, Nishimura:
/// "Mersenne Twister", TOMACS 1998; numpy, random/src/mt19937 and random/src/distributions (legacy seeding, masked bounded numbers). Not thread-safe.
/// </remarks>
internal sealed class NumpyRandom
{
    private const int Length = 624;
    private const int Middle = 397;

    private readonly uint[] _state = new uint[Length];
    private int _next = Length;

    /// <summary>Starts as <c>np.random.seed(seed)</c>.</summary>
    public NumpyRandom(uint seed)
    {
        _state[0] = seed;
        for (int i = 1; i < Length; i++)
        {
            _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + (uint)i;
        }
    }

    /// <summary>As <c>np.random.randint(low, high)</c>: uniform, <paramref name="low"/> included, <paramref name="high"/> excluded.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public int NextInt32(int low, int high)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(low, high);
        uint range = (uint)((long)high - low - 1);
        if (range == 0)
        {
            // Nothing is drawn for the only possible number.
            return low;
        }

        uint mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(range);
        uint value;
        do
        {
            value = NextUInt32() & mask;
        }
        while (value > range);

        return (int)(low + (long)value);
    }

    /// <summary>32 uniform bits.</summary>
    public uint NextUInt32()
    {
        if (_next == Length)
        {
            Refill();
        }

        uint bits = _state[_next++];
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9D2C5680;
        bits ^= (bits << 15) & 0xEFC60000;
        return bits ^ (bits >> 18);
    }

    private void Refill()
    {
        for (int i = 0; i < Length; i++)
        {
            uint pair = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7FFFFFFF);
            _state[i] = _state[(i + Middle) % Length] ^ (pair >> 1) ^ ((pair & 1) * 0x9908B0DF);
        }

        _next = 0;
    }
}
