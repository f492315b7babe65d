using System.Runtime.InteropServices;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes the numbers of made-up tensors: a function of seed, tensor and position alone, so that pieces can be made in any order on all processors.</summary>
internal static class SyntheticNumbers
{
    // A piece: a few megabytes. Two elements of sixteen random bits each come from a number, eight from a block of the generator.
    private const int PieceElements = 1 << 20;
    private const int ElementsPerBlock = 8;

    private static readonly Lazy<float[]> Quantiles = new(MakeQuantiles);

    /// <summary>Writes a tensor's elements, little-endian and row-major.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="seed">The checkpoint's seed.</param>
    /// <param name="index">The tensor's number in the checkpoint: its stream of random numbers.</param>
    /// <param name="written">Told the bytes of each piece, or null.</param>
    /// <param name="cancellationToken">Checked between pieces.</param>
    public static void Write(Stream stream, SyntheticTensor tensor, ulong seed, int index, Action<long>? written, CancellationToken cancellationToken)
    {
        if (tensor.Elements is { } given)
        {
            ReadOnlySpan<byte> bytes = tensor.Type switch
            {
                TensorElementType.Float64 => MemoryMarshal.AsBytes(Array.ConvertAll(given(), value => (double)value).AsSpan()),
                TensorElementType.Int64 => MemoryMarshal.AsBytes(Array.ConvertAll(given(), value => (long)value).AsSpan()),
                _ => MemoryMarshal.AsBytes(given().AsSpan()),
            };
            stream.Write(bytes);
            written?.Invoke(bytes.Length);
        }
        else if (tensor.Type == TensorElementType.Float16)
        {
            Write(stream, tensor, value => (Half)value, seed, index, written, cancellationToken);
        }
        else
        {
            Write(stream, tensor, value => (float)value, seed, index, written, cancellationToken);
        }
    }

    private static void Write<T>(Stream stream, SyntheticTensor tensor, Func<double, T> convert, ulong seed, int index, Action<long>? written, CancellationToken cancellationToken)
        where T : unmanaged
    {
        long count = tensor.ElementCount;
        float[] quantiles = Quantiles.Value;

        // What sixteen bits stand for is worked out once, unless the tensor asks for less than that.
        T[]? table = count < quantiles.Length ? null : Array.ConvertAll(quantiles, Convert);
        int processors = Environment.ProcessorCount;
        T[][] pieces = new T[(int)Math.Min(processors, ((count - 1) / PieceElements) + 1)][];
        for (long start = 0; start < count; start += (long)pieces.Length * PieceElements)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long first = start;
            Parallel.For(0, pieces.Length, i =>
            {
                long from = first + ((long)i * PieceElements);
                if (from >= count)
                {
                    return;
                }

                T[] piece = pieces[i] ??= new T[(int)Math.Min(PieceElements, count)];
                CounterRandom random = new(seed, (ulong)index, (ulong)(from / ElementsPerBlock));
                for (int j = 0; j + 1 < piece.Length; j += 2)
                {
                    uint bits = random.NextUInt32();
                    piece[j] = Element(bits & 0xFFFF);
                    piece[j + 1] = Element(bits >> 16);
                }

                if (piece.Length % 2 == 1)
                {
                    piece[^1] = Element(random.NextUInt32() & 0xFFFF);
                }
            });
            for (int i = 0; i < pieces.Length; i++)
            {
                long from = start + ((long)i * PieceElements);
                if (from < count)
                {
                    ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(pieces[i].AsSpan(0, (int)Math.Min(PieceElements, count - from)));
                    stream.Write(bytes);
                    written?.Invoke(bytes.Length);
                }
            }
        }

        T Element(uint bits) => table is null ? Convert(quantiles[bits]) : table[bits];

        T Convert(float quantile) => convert(tensor.Mean + (tensor.Spread * quantile));
    }

    /// <summary>The quantiles of the standard normal distribution at (i + 1/2) / 65536.</summary>
    /// <remarks>Source: P. J. Acklam's rational approximation of the inverse distribution function, relative error below 1.2e-9.</remarks>
    private static float[] MakeQuantiles()
    {
        float[] table = new float[1 << 16];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = (float)Inverse((i + 0.5) / table.Length);
        }

        return table;
    }

    private static double Inverse(double p)
    {
        const double Tail = 0.02425;
        if (p > 0.5)
        {
            return -Inverse(1 - p);
        }

        if (p < Tail)
        {
            double t = Math.Sqrt(-2 * Math.Log(p));
            return Polynomial(t, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783)
                / Polynomial(t, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1);
        }

        double q = p - 0.5;
        double r = q * q;
        return q * Polynomial(r, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239)
            / Polynomial(r, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01, 1);
    }

    private static double Polynomial(double x, params ReadOnlySpan<double> coefficients)
    {
        double sum = 0;
        foreach (double coefficient in coefficients)
        {
            sum = (sum * x) + coefficient;
        }

        return sum;
    }
}
