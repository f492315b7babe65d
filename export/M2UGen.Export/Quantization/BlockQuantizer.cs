using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace M2UGen.Export.Quantization;

/// <summary>Turns rows of a matrix into codes, scales and zero points.</summary>
/// <remarks>
/// <code>
/// symmetric:   scale = (element of largest magnitude, with its sign) / -8,     zero = 8            (8 bits: -128, 128)
/// asymmetric:  lo = min(0, min), hi = max(0, max), scale = (hi - lo) / 15,     zero = round(-lo / scale)
/// code = clip(round(w * (1 / scale) + zero), 0, 15), halves upwards
/// </code>
/// The plain rules are those of ONNX Runtime's own quantiser (mlas q4_dq.cpp): with them the largest element gets code 0 and scales may be negative. A block
/// of zeros has scale 0; behind the end of a row codes are 0. Where the format says so, <see cref="ScaleSearch"/> improves on them. The same on every processor, whatever the width of its vectors.
/// </remarks>
internal static class BlockQuantizer
{
    /// <summary>Quantises one row.</summary>
    /// <param name="format">The format.</param>
    /// <param name="row">The weights, filled with zeros to whole blocks.</param>
    /// <param name="columns">How many of them there are.</param>
    /// <param name="codes">Receives blocks * <see cref="BlockFormat.BlockBytes"/> bytes.</param>
    /// <param name="scales">Receives a scale a block.</param>
    /// <param name="zeroPoints">Receives <see cref="BlockFormat.ZeroPointBytes"/> bytes; empty for symmetric formats.</param>
    /// <returns>False where the row holds a number that is not finite: nothing meaningful was written.</returns>
    public static bool QuantizeRow(BlockFormat format, ReadOnlySpan<float> row, int columns, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        // The unused half of the last byte holds the middle code, as ONNX Runtime's quantiser leaves it.
        zeroPoints.Fill((byte)(format.MiddleCode | (format.Bits == 4 ? format.MiddleCode << 4 : 0)));
        for (int block = 0; block < scales.Length; block++)
        {
            ReadOnlySpan<float> weights = row.Slice(block * format.BlockSize, format.BlockSize);
            float min = TensorPrimitives.Min(weights);
            float max = TensorPrimitives.Max(weights);
            if (!float.IsFinite(min) || !float.IsFinite(max))
            {
                return false;
            }

            BlockScale scale = format.IsSymmetric ? Symmetric(format, min, max) : Asymmetric(format, min, max);
            if (!scale.IsUsable)
            {
                scale = new BlockScale(format.IsSymmetric ? -0f : 0f, format.IsSymmetric ? format.MiddleCode : 0);
            }
            else if (format.SearchesScales)
            {
                scale = ScaleSearch.Improve(format, weights, scale, min, max);
            }

            scales[block] = scale.Scale;
            if (!format.IsSymmetric)
            {
                SetZeroPoint(format, zeroPoints, block, scale.Zero);
            }

            Encode(format, weights, Math.Min(format.BlockSize, columns - (block * format.BlockSize)), scale, codes.Slice(block * format.BlockBytes, format.BlockBytes));
        }

        return true;
    }

    /// <summary>The zero point of a block of a row as stored.</summary>
    public static int ZeroPoint(BlockFormat format, ReadOnlySpan<byte> zeroPoints, int block) => format.IsSymmetric ? format.MiddleCode
        : format.Bits == 8 ? zeroPoints[block]
        : (zeroPoints[block / 2] >> (4 * (block & 1))) & 15;

    /// <summary>Turns the codes of a row back into weights: (code - zero point) * scale.</summary>
    /// <param name="format">The format.</param>
    /// <param name="codes">The row's codes.</param>
    /// <param name="scales">A scale a block.</param>
    /// <param name="zeroPoints">As stored; empty for symmetric formats.</param>
    /// <param name="row">Receives whole blocks.</param>
    public static void DequantizeRow(BlockFormat format, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> zeroPoints, Span<float> row)
    {
        for (int i = 0; i < row.Length; i++)
        {
            int block = i / format.BlockSize;
            int code = format.Bits == 8 ? codes[i] : (codes[i / 2] >> (4 * (i & 1))) & 15;
            row[i] = (code - ZeroPoint(format, zeroPoints, block)) * scales[block];
        }
    }

    private static BlockScale Symmetric(BlockFormat format, float min, float max)
        => new((MathF.Abs(max) > MathF.Abs(min) ? max : min) / -format.MiddleCode, format.MiddleCode);

    private static BlockScale Asymmetric(BlockFormat format, float min, float max)
    {
        float low = MathF.Min(0, min);
        float scale = (MathF.Max(0, max) - low) / format.LargestCode;
        return new BlockScale(scale, Math.Clamp((int)MathF.Round(-low / scale, MidpointRounding.AwayFromZero), 0, format.LargestCode));
    }

    private static void Encode(BlockFormat format, ReadOnlySpan<float> weights, int count, BlockScale scale, Span<byte> codes)
    {
        Span<float> rounded = stackalloc float[Vector512<float>.Count];
        rounded.Fill(scale.Zero);
        codes.Clear();
        for (int i = 0; i < count; i++)
        {
            int lane = i % rounded.Length;
            if (lane == 0 && scale.IsUsable)
            {
                scale.Codes(Vector512.Create(weights.Slice(i, rounded.Length)), format.LargestCode).CopyTo(rounded);
            }

            int code = (int)rounded[lane];
            if (format.Bits == 8)
            {
                codes[i] = (byte)code;
            }
            else
            {
                codes[i / 2] |= (byte)(code << (4 * (i & 1)));
            }
        }
    }

    private static void SetZeroPoint(BlockFormat format, Span<byte> zeroPoints, int block, int zero)
    {
        if (format.Bits == 8)
        {
            zeroPoints[block] = (byte)zero;
        }
        else
        {
            int shift = 4 * (block & 1);
            zeroPoints[block / 2] = (byte)((zeroPoints[block / 2] & ~(15 << shift)) | (zero << shift));
        }
    }
}
