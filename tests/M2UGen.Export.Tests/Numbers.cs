using M2UGen.Export.Graph;

namespace M2UGen.Export.Tests;

/// <summary>Made-up weights that are the same on every run.</summary>
internal static class Numbers
{
    /// <summary>Values in about [-1, 1] that follow from <paramref name="seed"/> and position.</summary>
    public static float[] Make(int count, int seed)
    {
        float[] values = new float[count];
        uint state = (uint)(seed * 2654435761u) + 12345;
        for (int i = 0; i < count; i++)
        {
            state = (state * 1664525) + 1013904223;
            values[i] = ((state >> 8) / (float)(1 << 23)) - 1;
        }

        return values;
    }

    /// <summary>A weight of such values, scaled.</summary>
    public static Weight Weight(string name, int seed, float scale, params long[] shape)
    {
        float[] values = Make((int)shape.Aggregate(1L, (product, size) => product * size), seed);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] *= scale;
        }

        return M2UGen.Export.Graph.Weight.Of(name, shape, values);
    }
}
