using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Number and size of attention heads, and the size they are stored with.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads; each serves Heads / KeyValueHeads query heads.</param>
/// <param name="HeadSize">The checkpoint's head size: the scale is 1 / sqrt of it.</param>
/// <param name="Rotary">Whether positions enter by rotary embedding inside the attention operator.</param>
internal readonly record struct HeadShape(int Heads, int KeyValueHeads, int HeadSize, bool Rotary = false)
{
    /// <summary>The head size in the graph. GroupQueryAttention wants a multiple of 8, and of 16 with rotary embedding; zeros fill the rest and change no product.</summary>
    public int PaddedHeadSize => Rotary ? (HeadSize + 15) / 16 * 16 : (HeadSize + 7) / 8 * 8;

    /// <summary>The factor of the scores, 1 / sqrt(head size) of the checkpoint's size.</summary>
    public float Scale => (float)(1 / Math.Sqrt(HeadSize));
}

/// <summary>Fills attention heads with zeros up to another size.</summary>
internal static class HeadPadding
{
    /// <summary>Pads the rows of each head: [heads * size, ..] to [heads * padded, ..]. For query, key and value weights and biases.</summary>
    public static Weight PadHeadRows(this Weight weight, int heads, int size, int padded)
    {
        Check(weight, 0, heads, size);
        if (size == padded)
        {
            return weight;
        }

        long[] shape = [.. weight.Shape];
        shape[0] = (long)heads * padded;
        return new Weight(weight.Name, shape, () =>
        {
            float[] source = weight.Load();
            int row = source.Length / (heads * size);
            float[] target = new float[checked(heads * padded * row)];
            for (int head = 0; head < heads; head++)
            {
                source.AsSpan(head * size * row, size * row).CopyTo(target.AsSpan(head * padded * row));
            }

            return target;
        });
    }

    /// <summary>Pads the columns of each head: [out, heads * size] to [out, heads * padded]. For the output projection.</summary>
    public static Weight PadHeadColumns(this Weight weight, int heads, int size, int padded)
    {
        Check(weight, 1, heads, size);
        return size == padded
            ? weight
            : new Weight(weight.Name, [weight.Shape[0], (long)heads * padded], () =>
            {
                float[] source = weight.Load();
                int groups = checked((int)weight.Shape[0] * heads);
                float[] target = new float[checked(groups * padded)];
                for (int group = 0; group < groups; group++)
                {
                    source.AsSpan(group * size, size).CopyTo(target.AsSpan(group * padded));
                }

                return target;
            });
    }

    private static void Check(Weight weight, int dimension, int heads, int size)
    {
        if (weight.Shape.Count <= dimension || weight.Shape[dimension] != (long)heads * size)
        {
            throw new InvalidOperationException($"'{weight.Name}' of shape [{string.Join(", ", weight.Shape)}] does not hold {heads} heads of {size} in dimension {dimension}.");
        }
    }
}
