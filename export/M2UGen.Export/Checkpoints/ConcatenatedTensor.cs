namespace M2UGen.Export.Checkpoints;

/// <summary>Several tensors joined along one dimension; read from the parts when asked for.</summary>
internal sealed class ConcatenatedTensor : CheckpointTensor
{
    private readonly string path;
    private readonly CheckpointTensor[] parts;
    private readonly long[] runs;
    private readonly long row;

    /// <summary>Joins tensors whose types and other sizes the caller has checked to be equal.</summary>
    /// <param name="path">What to name in an exception.</param>
    /// <param name="name">The whole's name.</param>
    /// <param name="parts">The pieces in order.</param>
    /// <param name="dimension">Where they are joined.</param>
    public ConcatenatedTensor(string path, string name, CheckpointTensor[] parts, int dimension)
        : base(name, parts[0].ElementType, WholeShape(parts, dimension))
    {
        this.path = path;
        this.parts = parts;

        // Row-major, the whole is: for each index of the outer dimensions, a run from every part.
        runs = [.. parts.Select(p => p.Shape.Skip(dimension).Aggregate(1L, (product, size) => product * size))];
        row = runs.Sum();
    }

    /// <inheritdoc/>
    private protected override CheckpointException Fail(string reason) => new(path, $"tensor '{Name}' {reason}.");

    /// <inheritdoc/>
    private protected override void ReadElements(long start, Span<byte> destination)
    {
        int size = ElementType.Size();
        while (!destination.IsEmpty)
        {
            (long outer, long inRow) = Math.DivRem(start, row);
            int part = 0;
            while (inRow >= runs[part])
            {
                inRow -= runs[part++];
            }

            int bytes = (int)Math.Min((runs[part] - inRow) * size, destination.Length);
            ReadElementsOf(parts[part], (outer * runs[part]) + inRow, destination[..bytes]);
            destination = destination[bytes..];
            start += bytes / size;
        }
    }

    private static long[] WholeShape(CheckpointTensor[] parts, int dimension)
    {
        long[] shape = [.. parts[0].Shape];
        shape[dimension] = parts.Sum(p => p.Shape[dimension]);
        return shape;
    }
}
