namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>The noise a model was trained with: tables over its times, to the last bit as torch computes them.</summary>
/// <remarks>
/// s_i = torch.linspace in float32 (one rounded step; the second half counted from the end; each value one fused multiply-add), beta = s² or s, alpha = 1 - beta,
/// its running product kept in float64 and rounded at each time, sigma = sqrt((1 - product) / product).
/// </remarks>
internal sealed class NoiseSchedule
{
    private NoiseSchedule(float[] betas, float[] alphasCumprod, bool isFinalAlphaOne)
    {
        Betas = betas;
        AlphasCumprod = alphasCumprod;
        FinalAlphaCumprod = isFinalAlphaOne ? 1 : alphasCumprod[0];
        Sigmas = Array.ConvertAll(alphasCumprod, product => MathF.Sqrt((1 - product) / product));
    }

    /// <summary>[times]: variance added at each time.</summary>
    public float[] Betas { get; }

    /// <summary>[times]: how much of the signal's power is left.</summary>
    public float[] AlphasCumprod { get; }

    /// <summary>[times]: noise level relative to the signal.</summary>
    public float[] Sigmas { get; }

    /// <summary>What comes before time 0.</summary>
    public float FinalAlphaCumprod { get; }

    public int Count => AlphasCumprod.Length;

    /// <summary>Computes the tables.</summary>
    public static NoiseSchedule Create(SchedulerConfig config)
    {
        float[] betas = config.TrainedBetas is { } trained ? [.. trained] : config.BetaSchedule switch
        {
            BetaSchedule.Linear => Linspace((float)config.BetaStart, (float)config.BetaEnd, config.TrainTimesteps),
            BetaSchedule.ScaledLinear => Array.ConvertAll(Linspace((float)Math.Sqrt(config.BetaStart), (float)Math.Sqrt(config.BetaEnd), config.TrainTimesteps), root => root * root),
            _ => SquaredCosine(config.TrainTimesteps),
        };
        float[] products = Products(betas);
        if (config.RescaleBetasZeroSnr)
        {
            betas = RescaleToZeroSnr(products);
            products = Products(betas);
        }

        return new NoiseSchedule(betas, products, config.SetAlphaToOne);
    }

    /// <summary>The signal's power at a time; before time 0 there is <see cref="FinalAlphaCumprod"/>. Times beyond the table, which a large offset gives, count as its end.</summary>
    public float AlphaAt(int time) => time < 0 ? FinalAlphaCumprod : AlphasCumprod[Math.Min(time, Count - 1)];

    private static float[] Linspace(float start, float end, int count)
    {
        float[] values = new float[count];
        float step = count > 1 ? (end - start) / (count - 1) : 0;
        for (int i = 0; i < count; i++)
        {
            values[i] = i < count / 2 ? MathF.FusedMultiplyAdd(step, i, start) : MathF.FusedMultiplyAdd(-step, count - 1 - i, end);
        }

        return values;
    }

    private static float[] SquaredCosine(int count)
    {
        const double Largest = 0.999;
        float[] betas = new float[count];
        for (int i = 0; i < count; i++)
        {
            betas[i] = (float)Math.Min(1 - (Bar((i + 1.0) / count) / Bar((double)i / count)), Largest);
        }

        return betas;

        static double Bar(double t)
        {
            double cosine = Math.Cos((t + 0.008) / 1.008 * Math.PI / 2);
            return cosine * cosine;
        }
    }

    private static float[] Products(float[] betas)
    {
        float[] products = new float[betas.Length];
        double product = 1;
        for (int i = 0; i < betas.Length; i++)
        {
            product *= 1 - betas[i];
            products[i] = (float)product;
        }

        return products;
    }

    /// <summary>Shifts and scales the square roots of the products so that the last is zero and the first stays.</summary>
    private static float[] RescaleToZeroSnr(float[] products)
    {
        float[] roots = Array.ConvertAll(products, MathF.Sqrt);
        float first = roots[0];
        float last = roots[^1];
        float scale = first / (first - last);
        float[] bars = Array.ConvertAll(roots, root => (root - last) * scale * ((root - last) * scale));
        float[] betas = new float[bars.Length];
        for (int i = 0; i < bars.Length; i++)
        {
            betas[i] = 1 - (i == 0 ? bars[0] : bars[i] / bars[i - 1]);
        }

        return betas;
    }
}
