using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>Parts of weights.</summary>
internal static class WeightParts
{
    /// <summary>Rows <paramref name="start"/> .. start + count - 1 of a weight's first dimension.</summary>
    public static Weight Rows(this Weight weight, long start, long count)
    {
        if (start < 0 || count < 0 || weight.Shape.Count == 0 || start + count > weight.Shape[0])
        {
            throw new InvalidOperationException($"'{weight.Name}' of shape [{string.Join(", ", weight.Shape)}] has no rows {start} to {start + count}.");
        }

        long[] shape = [.. weight.Shape];
        shape[0] = count;
        return new Weight($"{weight.Name}[{start}:{start + count}]", shape, () =>
        {
            float[] elements = weight.Load();
            int row = checked((int)(elements.LongLength / weight.Shape[0]));
            return elements.AsSpan(checked((int)start * row), checked((int)count * row)).ToArray();
        });
    }
}
