namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Where on the trained times the steps lie (table 2 of arXiv:2305.08891), to numpy's rounding.</summary>
internal static class TimestepTable
{
    /// <summary>Times of schedulers that visit both ends: DDIM, PNDM, and with <paramref name="isWhole"/> off the noise-level schedulers.</summary>
    /// <param name="config">Spacing, offset and trained times.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="isWhole">Whether evenly spread times are rounded to whole ones.</param>
    /// <returns>[steps], falling; <see cref="TimestepSpacing.Trailing"/> has one more (time -1) for a few numbers of steps, where the division that it counts by rounds up.</returns>
    public static double[] ToStart(SchedulerConfig config, int steps, bool isWhole)
    {
        int trained = config.TrainTimesteps;
        switch (config.Spacing)
        {
            case TimestepSpacing.Linspace:
                double[] even = Linspace(0, trained - 1, steps);
                for (int i = 0; i < even.Length; i++)
                {
                    even[i] = isWhole ? Math.Round(even[i]) : (float)even[i];
                }

                Array.Reverse(even);
                return even;
            case TimestepSpacing.Trailing:
                return Trailing(trained, (double)trained / steps);
            default:
                return Leading(steps, trained / steps, config.StepsOffset);
        }
    }

    /// <summary>Times of DPM-Solver and UniPC, whose last step goes on to time 0: one more point, which is left out.</summary>
    /// <param name="config">Spacing, offset and trained times.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="end">Times to use; fewer than the trained ones where a noise schedule's end is clipped.</param>
    public static double[] ToZero(SchedulerConfig config, int steps, int end)
    {
        switch (config.Spacing)
        {
            case TimestepSpacing.Linspace:
                double[] even = Array.ConvertAll(Linspace(0, end - 1, steps + 1), Math.Round);
                Array.Reverse(even);
                return even[..^1];
            case TimestepSpacing.Trailing:
                return Trailing(end, (double)config.TrainTimesteps / steps);
            default:
                return Leading(steps + 1, end / (steps + 1), config.StepsOffset)[..^1];
        }
    }

    /// <summary>Leaves out times that were there before.</summary>
    public static double[] Distinct(double[] times) => [.. times.Distinct()];

    /// <summary>numpy.linspace: the last value is exact.</summary>
    public static double[] Linspace(double start, double end, int count)
    {
        double[] values = new double[count];
        double step = count > 1 ? (end - start) / (count - 1) : 0;
        for (int i = 0; i < count; i++)
        {
            values[i] = i == count - 1 && count > 1 ? end : (i * step) + start;
        }

        return values;
    }

    private static double[] Leading(int count, int ratio, int offset)
    {
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
        {
            times[i] = ((double)(count - 1 - i) * ratio) + offset;
        }

        return times;
    }

    // numpy.arange(start, 0, -ratio): as many values as the quotient rounds up to, each a multiple of the difference of the first two.
    private static double[] Trailing(int start, double ratio)
    {
        double difference = start - ratio - start;
        double[] times = new double[(int)Math.Ceiling(-(double)start / -ratio)];
        for (int i = 0; i < times.Length; i++)
        {
            times[i] = Math.Round(start + (i * difference)) - 1;
        }

        return times;
    }
}
