namespace M2UGen.Sdk.Sampling;

/// <summary>Finds a value by its rank without sorting everything.</summary>
internal static class Selection
{
    /// <summary>The <paramref name="k"/>-th largest value (1 is the maximum); the order of <paramref name="values"/> is lost.</summary>
    /// <remarks>Hoare's selection with the median of three; where that goes badly, what is left is sorted, so it is never quadratic.</remarks>
    public static float KthLargest(Span<float> values, int k)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(k);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, values.Length);
        int wanted = values.Length - k;
        int low = 0;
        int high = values.Length - 1;
        for (int rounds = 2 * int.Log2(values.Length) + 4; high - low > 16 && rounds > 0; rounds--)
        {
            float pivot = MedianOfThree(values[low], values[low + ((high - low) / 2)], values[high]);
            int i = low;
            int j = high;
            while (i <= j)
            {
                while (values[i] < pivot)
                {
                    i++;
                }

                while (values[j] > pivot)
                {
                    j--;
                }

                if (i <= j)
                {
                    (values[i], values[j]) = (values[j], values[i]);
                    i++;
                    j--;
                }
            }

            if (wanted <= j)
            {
                high = j;
            }
            else if (wanted >= i)
            {
                low = i;
            }
            else
            {
                return values[wanted];
            }
        }

        values[low..(high + 1)].Sort();
        return values[wanted];
    }

    private static float MedianOfThree(float a, float b, float c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
}
