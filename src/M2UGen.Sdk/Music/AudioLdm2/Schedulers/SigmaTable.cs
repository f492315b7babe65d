namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Times and noise levels of the schedulers that work on x = sample + sigma · noise: LMS, Euler, Euler ancestral, Heun.</summary>
internal sealed class SigmaTable
{
    private SigmaTable(double[] timesteps, float[] sigmas, float initNoiseSigma)
    {
        Timesteps = timesteps;
        Sigmas = sigmas;
        InitNoiseSigma = initNoiseSigma;
    }

    public static SigmaTable Empty { get; } = new([], [], 1);

    /// <summary>[steps], falling.</summary>
    public double[] Timesteps { get; }

    /// <summary>[steps + 1], falling to 0.</summary>
    public float[] Sigmas { get; }

    /// <summary>What standard normal noise is multiplied with to start from.</summary>
    public float InitNoiseSigma { get; }

    /// <summary>Makes the table.</summary>
    /// <param name="config">Spacing, and whether Karras levels are wanted.</param>
    /// <param name="schedule">The noise of the trained times.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="canBeKarras">False for Euler ancestral, which knows no Karras levels.</param>
    public static SigmaTable Create(SchedulerConfig config, NoiseSchedule schedule, int steps, bool canBeKarras = true)
    {
        double[] times = TimestepTable.ToStart(config, steps, isWhole: false);
        double[] levels = Array.ConvertAll(times, time => Interpolate(schedule.Sigmas, time));
        if (config.UseKarrasSigmas && canBeKarras)
        {
            float[] logs = KarrasSigmas.Logs(schedule.Sigmas);
            levels = KarrasSigmas.Spread(levels[0], levels[^1], steps);
            times = Array.ConvertAll(levels, level => KarrasSigmas.TimeOf(level, logs));
        }

        float[] sigmas = new float[levels.Length + 1];
        float largest = 0;
        for (int i = 0; i < levels.Length; i++)
        {
            sigmas[i] = (float)levels[i];
            largest = Math.Max(largest, sigmas[i]);
        }

        return new SigmaTable(times, sigmas, config.Spacing == TimestepSpacing.Leading ? MathF.Sqrt((largest * largest) + 1) : largest);
    }

    /// <summary>numpy.interp over whole times.</summary>
    private static double Interpolate(float[] table, double time)
    {
        if (time <= 0)
        {
            return table[0];
        }

        int low = (int)time;
        return low >= table.Length - 1 ? table[^1] : (((double)table[low + 1] - table[low]) * (time - low)) + table[low];
    }
}
