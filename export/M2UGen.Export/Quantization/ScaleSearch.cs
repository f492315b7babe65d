namespace M2UGen.Export.Quantization;

/// <summary>Looks for the scale (and zero point) with the smallest squared error of a block.</summary>
/// <remarks>
/// A smaller scale than the plain one cuts off the largest weight and rounds all others more finely; a larger one uses the codes that the plain one wastes.
/// After a walk over factors, the least squares scale of the codes found, Σ w c / Σ c², is taken as long as it helps (Lloyd's iteration). Never worse than the plain rule.
/// </remarks>
internal static class ScaleSearch
{
    private const int Refinements = 3;

    // With 8 bits a block has hardly anything to cut off.
    private static readonly float[] Factors4 = [.. Enumerable.Range(0, 21).Select(step => (70 + (3 * step)) / 100f)];
    private static readonly float[] Factors8 = [0.97f, 0.98f, 0.99f, 1f, 1.005f];

    /// <summary>A scale that is at least as good.</summary>
    /// <param name="format">The format.</param>
    /// <param name="weights">The block.</param>
    /// <param name="plain">The scale by the plain rule.</param>
    /// <param name="min">The block's smallest weight.</param>
    /// <param name="max">Its largest.</param>
    public static BlockScale Improve(BlockFormat format, ReadOnlySpan<float> weights, BlockScale plain, float min, float max)
    {
        int largest = format.LargestCode;
        BlockScale best = plain;
        BlockError error = plain.ErrorOf(weights, largest);
        foreach (float factor in format.Bits == 4 ? Factors4 : Factors8)
        {
            float scale = plain.Scale * factor;
            if (format.IsSymmetric)
            {
                Try(weights, new BlockScale(scale, plain.Zero));
            }
            else
            {
                // Where codes do not reach both ends, the zero point says which end is cut off: either, or both alike.
                int low = Nearest(-MathF.Min(0, min) / scale, largest);
                int high = Nearest(largest - (MathF.Max(0, max) / scale), largest);
                Try(weights, new BlockScale(scale, low));
                if (high != low)
                {
                    Try(weights, new BlockScale(scale, high));
                }

                int middle = (low + high) / 2;
                if (middle != low && middle != high)
                {
                    Try(weights, new BlockScale(scale, middle));
                }
            }
        }

        for (int i = 0; i < Refinements; i++)
        {
            BlockScale before = best;
            if (!(error.Square > 0) || !Try(weights, best with { Scale = (float)(best.Scale * ((double)error.Cross / error.Square)) }) || best == before)
            {
                break;
            }
        }

        return best;

        bool Try(ReadOnlySpan<float> block, BlockScale candidate)
        {
            if (!candidate.IsUsable)
            {
                return false;
            }

            BlockError found = candidate.ErrorOf(block, largest);
            if (!(found.Squared < error.Squared))
            {
                return false;
            }

            best = candidate;
            error = found;
            return true;
        }
    }

    private static int Nearest(float zero, int largest) => Math.Clamp((int)MathF.Round(zero, MidpointRounding.AwayFromZero), 0, largest);
}
