using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>MusicGen's table of positions: row p holds cos(p·f_i) for all i, then sin(p·f_i), with f_i = exp(-i·ln 10000 / (H/2 - 1)); an odd H ends in a zero.</summary>
/// <remarks>Checkpoints store the table and the stored one is what counts; this computes it where they do not. Source: transformers modeling_musicgen.py, MusicgenSinusoidalPositionalEmbedding.get_embedding.</remarks>
internal static class SinusoidalPositions
{
    /// <summary>The table [<paramref name="positions"/>, <paramref name="hiddenSize"/>], every step rounded to float32 as torch does.</summary>
    public static Weight Table(int positions, int hiddenSize) => new("sinusoidal positions", [positions, hiddenSize], () =>
    {
        int half = hiddenSize / 2;
        float step = (float)-(Math.Log(10000) / (half - 1));
        float[] table = new float[checked(positions * hiddenSize)];
        for (int i = 0; i < half; i++)
        {
            float frequency = MathF.Exp(i * step);
            for (int position = 0; position < positions; position++)
            {
                float angle = position * frequency;
                table[(position * hiddenSize) + i] = MathF.Cos(angle);
                table[(position * hiddenSize) + half + i] = MathF.Sin(angle);
            }
        }

        return table;
    });
}
