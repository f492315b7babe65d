using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace M2UGen.Sdk.Media.Image;

/// <summary>Resizes a row of red, green and blue with AVX2, four taps at a time and in whole numbers: every bit is that of the plain loop.</summary>
/// <remarks>
/// A weight w of 22 bits is split into high · 2^11 + low, and each half times a byte fits the processor's 16-bit multiply-add:
/// <code>
/// bytes    r0 g0 b0 r1 g1 b1 | r2 g2 b2 r3 g3 b3
/// 16 bits  r0 r1 g0 g1 b0 b1 · · | r2 r3 g2 g3 b2 b3 · ·
/// weights  w0 w1 w0 w1 w0 w1 0 0 | w2 w3 w2 w3 w2 w3 0 0      once the high halves, once the low ones
/// sums     R G B ·               | R G B ·
/// </code>
/// Missing taps of the last four have weight 0. low is never more than w, so neither half's sum leaves an int32 where the whole does not.
/// </remarks>
internal sealed class RgbRowResizer
{
    private const int Taps = 4;
    private const int HalfBits = 11;
    private const int Channels = 3;
    private const int LoadSize = 16;

    // Weights of one group: 16 high halves, 16 low halves.
    private const int GroupSize = 32;

    private readonly int[] _starts;
    private readonly int[] _groups;
    private readonly short[] _weights;

    /// <summary>Lays the weights out for the multiply-add.</summary>
    public RgbRowResizer(ResizeKernel kernel, int outputSize)
    {
        _starts = new int[outputSize];
        _groups = new int[outputSize + 1];
        for (int x = 0; x < outputSize; x++)
        {
            int count = (kernel.Weights(x).Length + Taps - 1) / Taps;
            _starts[x] = kernel.Start(x) * Channels;
            _groups[x + 1] = _groups[x] + count;
            ReadSize = Math.Max(ReadSize, _starts[x] + ((count - 1) * Taps * Channels) + LoadSize);
        }

        _weights = new short[_groups[outputSize] * GroupSize];
        for (int x = 0; x < outputSize; x++)
        {
            ReadOnlySpan<int> weights = kernel.Weights(x);
            for (int tap = 0; tap < weights.Length; tap++)
            {
                Span<short> group = _weights.AsSpan((_groups[x] + (tap / Taps)) * GroupSize, GroupSize);
                for (int channel = 0; channel < Channels; channel++)
                {
                    int at = (tap % Taps / 2 * 8) + (channel * 2) + (tap % 2);
                    group[at] = (short)(weights[tap] >> HalfBits);
                    group[at + (GroupSize / 2)] = (short)(weights[tap] & ((1 << HalfBits) - 1));
                }
            }
        }
    }

    /// <summary>Whether this processor can.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Bytes that <see cref="Resize"/> may look at from a row's first on; some lie behind the row.</summary>
    public int ReadSize { get; }

    /// <summary>Resizes a row.</summary>
    /// <param name="row">At least <see cref="ReadSize"/> bytes, beginning with the row.</param>
    /// <param name="output">[output pixels × 3].</param>
    public unsafe void Resize(ReadOnlySpan<byte> row, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, ReadSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, _starts.Length * Channels);

        // Red, green and blue of two pixels, each beside that of the next one, widened by zeros (an index with its highest bit set gives 0).
        Vector128<byte> pair = Vector128.Create(0, 0x80, 3, 0x80, 1, 0x80, 4, 0x80, 2, 0x80, 5, 0x80, 0x80, 0x80, 0x80, 0x80);
        Vector128<byte> next = Vector128.Create(6, 0x80, 9, 0x80, 7, 0x80, 10, 0x80, 8, 0x80, 11, 0x80, 0x80, 0x80, 0x80, 0x80);
        Vector256<byte> order = Vector256.Create(pair, next);
        Vector128<int> half = Vector128.Create(ResizeKernel.Half);
        fixed (byte* from = row)
        fixed (byte* to = output)
        fixed (short* table = _weights)
        {
            short* weights = table;
            for (int x = 0; x < _starts.Length; x++)
            {
                byte* taps = from + _starts[x];
                Vector256<int> high = default;
                Vector256<int> low = default;
                for (int group = _groups[x + 1] - _groups[x]; group > 0; group--)
                {
                    Vector256<short> values = Avx2.Shuffle(Avx2.BroadcastVector128ToVector256(taps), order).AsInt16();
                    high += Avx2.MultiplyAddAdjacent(values, Vector256.Load(weights));
                    low += Avx2.MultiplyAddAdjacent(values, Vector256.Load(weights + (GroupSize / 2)));
                    taps += Taps * Channels;
                    weights += GroupSize;
                }

                Vector256<int> both = (high << HalfBits) + low;
                Vector128<int> sums = (both.GetLower() + both.GetUpper() + half) >> ResizeKernel.PrecisionBits;
                Vector128<ushort> narrow = Sse41.PackUnsignedSaturate(sums, sums);
                uint pixel = Sse2.PackUnsignedSaturate(narrow.AsInt16(), narrow.AsInt16()).AsUInt32().ToScalar();
                Write(to + (x * Channels), pixel, last: x == _starts.Length - 1);
            }
        }
    }

    // Four bytes at once; the fourth is the next pixel's, which comes later.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Write(byte* at, uint pixel, bool last)
    {
        if (last)
        {
            (at[0], at[1], at[2]) = ((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));
        }
        else
        {
            Unsafe.WriteUnaligned(at, pixel);
        }
    }
}
