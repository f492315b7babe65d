using System.Runtime.Intrinsics;

namespace M2UGen.Export.Quantization;

/// <summary>The scale of a block and the code that stands for zero.</summary>
internal readonly record struct BlockScale(float Scale, int Zero)
{
    /// <summary>Whether the scale has a finite reciprocal: blocks of zeros, and of numbers hardly above the smallest that floats can hold, have none.</summary>
    public bool IsUsable => float.IsFinite(1 / Scale);

    /// <summary>clip(round(w / scale + zero), 0, largest), halves upwards, still as floats.</summary>
    /// <remarks>Sixteen numbers at a time on every processor: narrower ones do it in parts, with the same bits.</remarks>
    public Vector512<float> Codes(Vector512<float> weights, int largest)
        => Round(weights * Vector512.Create(1 / Scale), largest);

    /// <summary>Squared error of a block in units of the squared scale, and what a better scale is computed from.</summary>
    /// <param name="weights">The block, a multiple of 16 weights.</param>
    /// <param name="largest">The largest code.</param>
    public BlockError ErrorOf(ReadOnlySpan<float> weights, int largest)
    {
        // Ratios to the scale, not weights: nothing overflows or vanishes, however large or small the weights are.
        Vector512<float> reciprocal = Vector512.Create(1 / Scale);
        Vector512<float> zero = Vector512.Create((float)Zero);
        Vector512<float> error = Vector512<float>.Zero;
        Vector512<float> cross = Vector512<float>.Zero;
        Vector512<float> square = Vector512<float>.Zero;
        for (int start = 0; start < weights.Length; start += Vector512<float>.Count)
        {
            Vector512<float> ratios = Vector512.Create(weights.Slice(start, Vector512<float>.Count)) * reciprocal;
            Vector512<float> steps = Round(ratios, largest) - zero;
            Vector512<float> rest = ratios - steps;
            error += rest * rest;
            cross += ratios * steps;
            square += steps * steps;
        }

        return new BlockError((double)Scale * Scale * Sum(error), Sum(cross), Sum(square));
    }

    private Vector512<float> Round(Vector512<float> ratios, int largest)
    {
        // Not floor(x + 0.5): the sum can round up to the next integer where x is just below a half.
        Vector512<float> exact = ratios + Vector512.Create((float)Zero);
        Vector512<float> down = Vector512.Floor(exact);
        Vector512<float> up = Vector512.GreaterThanOrEqual(exact - down, Vector512.Create(0.5f)) & Vector512<float>.One;
        return Vector512.Min(Vector512.Max(down + up, Vector512<float>.Zero), Vector512.Create((float)largest));
    }

    /// <summary>Added in halves: one order on every processor.</summary>
    private static float Sum(Vector512<float> lanes)
    {
        Vector256<float> eight = lanes.GetLower() + lanes.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}

/// <summary>What a scale does to a block.</summary>
/// <param name="Squared">Sum of the squared errors.</param>
/// <param name="Cross">Sum of w / scale * (code - zero).</param>
/// <param name="Square">Sum of (code - zero)².</param>
internal readonly record struct BlockError(double Squared, float Cross, float Square);
