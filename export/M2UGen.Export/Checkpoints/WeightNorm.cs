using System.Buffers;
using System.Runtime.InteropServices;

namespace M2UGen.Export.Checkpoints;

/// <summary>Weight normalisation (arXiv:1602.07868) resolved: w = v * (g / ||v||), one g and one norm for each index of one dimension.</summary>
/// <remarks>Both of torch's spellings are known: <c>weight_g</c> with <c>weight_v</c>, and <c>parametrizations.weight.original0</c> with <c>original1</c>.</remarks>
public static class WeightNorm
{
    /// <summary>The weight of a layer, normalised or plain, computed when read.</summary>
    /// <param name="map">Where the layer's tensors are.</param>
    /// <param name="prefix">The layer's name without a final dot, for example <c>encoder.pos_conv_embed.conv</c>.</param>
    /// <param name="normDim">The dimension that keeps its own norms: torch's <c>dim</c>, 0 by default there, 2 in HuBERT's positional convolution.</param>
    /// <param name="shape">The weight's shape; a missing or misshapen part is noted in <paramref name="map"/> like any other.</param>
    /// <returns>A float32 tensor of that shape, or the stored tensor where the layer has a plain <c>weight</c>.</returns>
    public static CheckpointTensor Get(WeightMap map, string prefix, int normDim, ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfNegative(normDim);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(normDim, shape.Length);
        foreach ((string magnitude, string direction) in (ReadOnlySpan<(string, string)>)
        [
            ($"{prefix}.weight_g", $"{prefix}.weight_v"),
            ($"{prefix}.parametrizations.weight.original0", $"{prefix}.parametrizations.weight.original1"),
        ])
        {
            if (map.Contains(magnitude) || map.Contains(direction))
            {
                long[] magnitudeShape = [.. Enumerable.Repeat(1L, shape.Length)];
                magnitudeShape[normDim] = shape[normDim];
                CheckpointTensor g = map.Get(magnitude, magnitudeShape);
                CheckpointTensor v = map.Get(direction, shape);
                return new NormalisedTensor(map.FullName(prefix + ".weight"), g, v, normDim, map.SourcePath);
            }
        }

        return map.Contains(prefix + ".weight")
            ? map.Get(prefix + ".weight", shape)
            : map.Missing($"{map.FullName(prefix)}.weight (or weight_g and weight_v, or parametrizations.weight.original0 and original1)", shape);
    }

    /// <summary>v * (g / ||v||), the norms kept after the first read.</summary>
    private sealed class NormalisedTensor : CheckpointTensor
    {
        private const int Block = 1 << 16;

        private readonly CheckpointTensor direction;
        private readonly string path;
        private readonly long size;
        private readonly long inner;
        private readonly Lazy<float[]> scales;

        public NormalisedTensor(string name, CheckpointTensor magnitude, CheckpointTensor direction, int normDim, string path)
            : base(name, TensorElementType.Float32, [.. direction.Shape])
        {
            this.direction = direction;
            this.path = path;
            size = direction.Shape[normDim];
            inner = direction.Shape.Skip(normDim + 1).Aggregate(1L, (product, s) => product * s);
            scales = new Lazy<float[]>(() => ComputeScales(magnitude));
        }

        private protected override CheckpointException Fail(string reason) => new(path, $"tensor '{Name}' {reason}.");

        private protected override void ReadElements(long start, Span<byte> destination) => ReadFloats(start, MemoryMarshal.Cast<byte, float>(destination));

        private protected override void ReadFloats(long start, Span<float> destination)
        {
            direction.ReadFloat32(start, destination);
            float[] factors = scales.Value;
            for (int done = 0; done < destination.Length;)
            {
                // As long as the inner dimensions last, the factor stays.
                (long row, long inRow) = Math.DivRem(start + done, inner);
                int run = (int)Math.Min(inner - inRow, destination.Length - done);
                float factor = factors[row % size];
                foreach (ref float value in destination.Slice(done, run))
                {
                    value *= factor;
                }

                done += run;
            }
        }

        /// <summary>g / ||v|| for each index. Squares are summed in double, so the order of summation does not show in float32.</summary>
        private float[] ComputeScales(CheckpointTensor magnitude)
        {
            double[] sums = new double[size];
            float[] buffer = ArrayPool<float>.Shared.Rent(Block);
            try
            {
                for (long start = 0; start < ElementCount; start += Block)
                {
                    Span<float> values = buffer.AsSpan(0, (int)Math.Min(Block, ElementCount - start));
                    direction.ReadFloat32(start, values);
                    for (int i = 0; i < values.Length; i++)
                    {
                        sums[(start + i) / inner % size] += (double)values[i] * values[i];
                    }
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(buffer);
            }

            float[] factors = magnitude.ReadFloat32();
            for (int i = 0; i < factors.Length; i++)
            {
                factors[i] /= (float)Math.Sqrt(sums[i]);
            }

            return factors;
        }
    }
}
