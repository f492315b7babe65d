namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>The tables that DPM-Solver and UniPC count by, over the trained times: x = alpha · sample + sigma · noise, lambda = log(alpha / sigma).</summary>
internal sealed class HalfLogSnr
{
    public HalfLogSnr(NoiseSchedule schedule)
    {
        float[] products = schedule.AlphasCumprod;
        Alpha = Array.ConvertAll(products, MathF.Sqrt);
        Sigma = Array.ConvertAll(products, product => MathF.Sqrt(1 - product));
        Lambda = new float[products.Length];
        for (int i = 0; i < Lambda.Length; i++)
        {
            Lambda[i] = (float)Math.Log(Alpha[i]) - (float)Math.Log(Sigma[i]);
        }
    }

    /// <summary>[times]: the sample's part.</summary>
    public float[] Alpha { get; }

    /// <summary>[times]: the noise's part.</summary>
    public float[] Sigma { get; }

    /// <summary>[times], falling: half the logarithm of the signal-to-noise ratio.</summary>
    public float[] Lambda { get; }

    /// <summary>The whole times of a trajectory, falling; its last step goes on to time 0.</summary>
    /// <remarks>Karras levels only choose the times: they are rounded to whole ones, and those that coincide count once.</remarks>
    public static double[] Times(SchedulerConfig config, NoiseSchedule schedule, int steps, int end)
    {
        if (!config.UseKarrasSigmas)
        {
            return TimestepTable.Distinct(TimestepTable.ToZero(config, steps, end));
        }

        // diffusers spreads from the smallest level and turns the list round, so that a single step of its would begin without noise; here it begins at the largest.
        float[] logs = KarrasSigmas.Logs(schedule.Sigmas);
        if (steps == 1)
        {
            return [schedule.Count - 1];
        }

        double[] times = Array.ConvertAll(
            KarrasSigmas.Spread(schedule.Sigmas[0], schedule.Sigmas[^1], steps), sigma => Math.Round(KarrasSigmas.TimeOf(sigma, logs)));
        Array.Reverse(times);
        return TimestepTable.Distinct(times);
    }

    /// <summary>A time as an index into the tables.</summary>
    public int Index(double time) => Math.Clamp((int)time, 0, Lambda.Length - 1);
}
