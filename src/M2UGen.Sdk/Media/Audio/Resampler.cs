using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>torchaudio.functional.resample for one channel: y[m·n + j] = Σ_i k[j, i] · x[m·o + i], x zero outside.</summary>
/// <remarks>
/// Thread-safe. Sums run in vectors of eight whatever the machine, so results do not depend on its vector width.
/// The result's length is the original's ceil(float32(n · length / o)): above about a million samples it can be one or two off the exact value.
/// </remarks>
internal sealed class Resampler
{
    /// <summary>The largest table of rows kept; with more (rates such as 44100 to 47999 and wide filters), rows are computed where needed.</summary>
    private const long MaxTableValues = 1 << 22;

    private readonly int _old;
    private readonly int _new;
    private readonly SincKernel _kernel;
    private readonly float[]? _table;
    private readonly int[]? _starts;

    /// <summary>Prepares the filter.</summary>
    /// <param name="fromRate">In Hz.</param>
    /// <param name="toRate">In Hz.</param>
    /// <param name="options">The low-pass filter.</param>
    public Resampler(int fromRate, int toRate, ResampleOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fromRate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(toRate, 1);
        options.ThrowIfInvalid();
        int divisor = (int)BigInteger.GreatestCommonDivisor(fromRate, toRate);
        _old = fromRate / divisor;
        _new = toRate / divisor;
        _kernel = new SincKernel(_old, _new, options);
        if ((long)_kernel.Taps * _new <= MaxTableValues)
        {
            _table = new float[_kernel.Taps * _new];
            _starts = new int[_new];
            for (int phase = 0; phase < _new; phase++)
            {
                _kernel.Fill(phase, _table.AsSpan(phase * _kernel.Taps, _kernel.Taps));
                _starts[phase] = _kernel.Start(phase);
            }
        }
    }

    /// <summary>The length of the result for <paramref name="length"/> samples.</summary>
    public long OutputLength(long length) => OutputLength(_old, _new, length);

    /// <summary>The length that <paramref name="length"/> samples have at another rate; no filter is made for it.</summary>
    public static long OutputLength(int fromRate, int toRate, long length)
    {
        if (fromRate == toRate)
        {
            return length;
        }

        int divisor = (int)BigInteger.GreatestCommonDivisor(fromRate, toRate);
        (int from, int to) = (fromRate / divisor, toRate / divisor);
        long computed = ((length / from) + 1) * to;
        long target = (long)MathF.Ceiling((float)((double)((Int128)to * length) / from));
        return Math.Min(computed, target);
    }

    /// <summary>Resamples one channel, [length] to [<see cref="OutputLength(long)"/>].</summary>
    /// <exception cref="ArgumentException">The result would not fit an array.</exception>
    public float[] Resample(ReadOnlySpan<float> samples)
    {
        if (_old == _new)
        {
            return samples.ToArray();
        }

        long length = OutputLength(samples.Length);
        if (length > Array.MaxLength)
        {
            throw new ArgumentException($"{samples.Length} samples become {length} at the new rate, more than one array holds; work on shorter pieces.", nameof(samples));
        }

        float[] result = new float[length];
        Resample(samples, 0, 0, result);
        return result;
    }

    /// <summary>The samples that a piece of the result is made of; some may lie outside of the signal.</summary>
    /// <param name="first">The piece's first sample, in the result.</param>
    /// <param name="count">Its samples, at least 1.</param>
    /// <returns>The first sample, and the one behind the last.</returns>
    public (long Start, long End) Reach(long first, int count)
    {
        if (_old == _new)
        {
            return (first, first + count);
        }

        long last = first + count - 1;
        return ((first / _new * _old) + _kernel.Start((int)(first % _new)), (last / _new * _old) + _kernel.Start((int)(last % _new)) + _kernel.Taps);
    }

    /// <summary>Makes a piece of the result, the same samples as <see cref="Resample(ReadOnlySpan{float})"/> has there.</summary>
    /// <param name="part">Samples of one channel: all that <see cref="Reach"/> names and the signal has.</param>
    /// <param name="partStart">Where in the signal <paramref name="part"/> begins.</param>
    /// <param name="first">Where in the result the piece begins.</param>
    /// <param name="result">Takes the piece.</param>
    public void Resample(ReadOnlySpan<float> part, long partStart, long first, Span<float> result)
    {
        if (_old == _new)
        {
            part.Slice((int)(first - partStart), result.Length).CopyTo(result);
            return;
        }

        float[] scratch = _table is null ? new float[_kernel.Taps] : [];
        int phase = (int)(first % _new);
        long block = (first / _new * _old) - partStart;
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Dot(Row(phase, scratch), part, block + (_starts is null ? _kernel.Start(phase) : _starts[phase]));
            if (++phase == _new)
            {
                phase = 0;
                block += _old;
            }
        }
    }

    private ReadOnlySpan<float> Row(int phase, float[] scratch)
    {
        if (_table is not null)
        {
            return _table.AsSpan(phase * _kernel.Taps, _kernel.Taps);
        }

        _kernel.Fill(phase, scratch);
        return scratch;
    }

    /// <summary>Σ row[i] · samples[start + i], over the samples that exist.</summary>
    private static float Dot(ReadOnlySpan<float> row, ReadOnlySpan<float> samples, long start)
    {
        int skip = (int)Math.Clamp(-start, 0, row.Length);
        int count = (int)Math.Clamp(samples.Length - (start + skip), 0, row.Length - skip);
        return count == 0 ? 0f : Dot(row.Slice(skip, count), samples.Slice((int)(start + skip), count));
    }

    private static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        ref float b = ref MemoryMarshal.GetReference(y);
        Vector256<float> sum = Vector256<float>.Zero;
        int i = 0;
        for (; i <= x.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            sum = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, (nuint)i), Vector256.LoadUnsafe(ref b, (nuint)i), sum);
        }

        float total = Vector256.Sum(sum);
        for (; i < x.Length; i++)
        {
            total = MathF.FusedMultiplyAdd(x[i], y[i], total);
        }

        return total;
    }
}
