using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Cosines and sines of a graph's rotary position embedding, each [positions, padded head size / 2].</summary>
internal sealed record RotaryTables(Value Cos, Value Sin);

/// <summary>Rotary position embedding: pair i of a head (elements 2i and 2i + 1) is turned by the angle position * theta^(-2i / size).</summary>
/// <remarks>
/// Source: RoFormer (arXiv:2104.09864); reference <c>llama.py precompute_freqs_cis</c>, which computes frequencies and angles in float32. So does
/// this, since at position 2000 the rounding of a frequency already moves the angle by 1e-4.
/// </remarks>
internal static class RotaryEmbedding
{
    /// <summary>Adds the two tables; all layers share them.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="heads">The heads: angles follow the true size, the table has the padded one.</param>
    /// <param name="positions">Positions 0 .. positions - 1 are stored: the longest text the graph takes.</param>
    /// <param name="theta">The base, 10000 in LLaMA-2.</param>
    public static RotaryTables Emit(GraphBuilder graph, HeadShape heads, int positions, double theta)
    {
        int size = heads.HeadSize;
        int pairs = heads.PaddedHeadSize / 2;
        return new RotaryTables(
            graph.Weight("rotary.cos", new Weight("rotary.cos", [positions, pairs], () => Table(Math.Cos, 1))),
            graph.Weight("rotary.sin", new Weight("rotary.sin", [positions, pairs], () => Table(Math.Sin, 0))));

        float[] Table(Func<double, double> function, float padding)
        {
            float[] table = new float[checked(positions * pairs)];
            for (int pair = 0; pair < pairs; pair++)
            {
                float frequency = 1f / (float)Math.Pow(theta, (float)(2 * pair) / size);
                for (int position = 0; position < positions; position++)
                {
                    // Padded pairs are zero and stay zero, whatever the angle.
                    table[(position * pairs) + pair] = pair < size / 2 ? (float)function(position * frequency) : padding;
                }
            }

            return table;
        }
    }
}
