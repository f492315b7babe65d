namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Noise levels evenly spread over their seventh roots (Karras and others, arXiv:2206.00364, equation 5), and the times they belong to.</summary>
internal static class KarrasSigmas
{
    private const double Rho = 7;

    /// <summary>Levels from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public static double[] Spread(double first, double last, int count)
    {
        double from = Math.Pow(first, 1 / Rho);
        double to = Math.Pow(last, 1 / Rho);
        return Array.ConvertAll(TimestepTable.Linspace(0, 1, count), ramp => Math.Pow(from + (ramp * (to - from)), Rho));
    }

    /// <summary>The time at which the schedule has a level, between its times by the logarithm.</summary>
    /// <remarks>The logarithms are float32, as numpy keeps them.</remarks>
    public static double TimeOf(double sigma, ReadOnlySpan<float> logSigmas)
    {
        float log = (float)Math.Log(sigma);
        int low = 0;
        for (int i = 0; i < logSigmas.Length; i++)
        {
            if (log - logSigmas[i] >= 0)
            {
                low = i;
            }
        }

        low = Math.Min(low, logSigmas.Length - 2);
        float weight = Math.Clamp((logSigmas[low] - log) / (logSigmas[low] - logSigmas[low + 1]), 0, 1);
        return ((1 - weight) * (double)low) + ((double)weight * (low + 1));
    }

    /// <summary>Logarithms of a schedule's levels.</summary>
    public static float[] Logs(ReadOnlySpan<float> sigmas)
    {
        float[] logs = new float[sigmas.Length];
        for (int i = 0; i < logs.Length; i++)
        {
            logs[i] = (float)Math.Log(sigmas[i]);
        }

        return logs;
    }
}
