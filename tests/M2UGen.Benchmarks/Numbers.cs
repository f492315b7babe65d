using M2UGen.Sdk.Sampling;

namespace M2UGen.Benchmarks;

/// <summary>Made-up inputs, the same in every run.</summary>
internal static class Numbers
{
    public static float[] Gaussian(int count, float deviation, ulong seed)
    {
        CounterRandom random = new(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++)
        {
            numbers[i] = (float)random.NextGaussian() * deviation;
        }

        return numbers;
    }

    public static byte[] Bytes(int count, ulong seed)
    {
        CounterRandom random = new(seed);
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)random.NextUInt32();
        }

        return bytes;
    }
}
