namespace M2UGen.Sdk.Sampling;

/// <summary>
/// Random numbers that are a pure function of (seed, stream, position): Philox4x32-10. The seed is the key, the low half of the 128-bit
/// counter counts blocks of four numbers, the high half is the stream, so that streams of one seed are independent and a stream can
/// be taken up at any place. A mutable struct: pass it by <c>ref</c>. Not thread-safe.
/// Source: Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
/// </summary>
internal struct CounterRandom
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private readonly ulong _seed;
    private readonly ulong _stream;
    private ulong _block;
    private uint _x0;
    private uint _x1;
    private uint _x2;
    private uint _x3;
    private int _left;
    private double _spareGaussian;
    private bool _hasSpareGaussian;

    /// <summary>Starts a stream.</summary>
    /// <param name="seed">The request's seed.</param>
    /// <param name="stream">Which of the seed's independent streams; see <see cref="RandomStreams"/>.</param>
    /// <param name="block">Where in the stream to begin, in blocks of four numbers.</param>
    public CounterRandom(ulong seed, ulong stream = 0, ulong block = 0)
    {
        _seed = seed;
        _stream = stream;
        _block = block;
    }

    /// <summary>32 uniform bits.</summary>
    public uint NextUInt32()
    {
        if (_left == 0)
        {
            (_x0, _x1, _x2, _x3) = Block(
                ((uint)_block, (uint)(_block >> 32), (uint)_stream, (uint)(_stream >> 32)), ((uint)_seed, (uint)(_seed >> 32)));
            _block++;
            _left = 4;
        }

        return _left-- switch
        {
            4 => _x0,
            3 => _x1,
            2 => _x2,
            _ => _x3,
        };
    }

    /// <summary>64 uniform bits: the first number drawn is the low half.</summary>
    public ulong NextUInt64()
    {
        ulong low = NextUInt32();
        return low | ((ulong)NextUInt32() << 32);
    }

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A number from the standard normal distribution (Box and Muller's transform; every second call uses the pair's other half).</summary>
    public double NextGaussian()
    {
        if (_hasSpareGaussian)
        {
            _hasSpareGaussian = false;
            return _spareGaussian;
        }

        double radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        (double sine, double cosine) = Math.SinCos(Math.Tau * NextDouble());
        _spareGaussian = radius * sine;
        _hasSpareGaussian = true;
        return radius * cosine;
    }

    /// <summary>Philox4x32 with ten rounds: the four numbers that belong to a counter and a key.</summary>
    internal static (uint X0, uint X1, uint X2, uint X3) Block((uint C0, uint C1, uint C2, uint C3) counter, (uint K0, uint K1) key)
    {
        (uint c0, uint c1, uint c2, uint c3) = counter;
        (uint k0, uint k1) = key;
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = (ulong)Multiplier0 * c0;
            ulong product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ k0,
                (uint)product1,
                (uint)(product0 >> 32) ^ c3 ^ k1,
                (uint)product0);
            k0 = unchecked(k0 + Weyl0);
            k1 = unchecked(k1 + Weyl1);
        }

        return (c0, c1, c2, c3);
    }
}
