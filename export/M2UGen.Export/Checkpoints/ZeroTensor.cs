namespace M2UGen.Export.Checkpoints;

/// <summary>Zeros in the place of a tensor that is missing, so that the description of a graph can go on.</summary>
internal sealed class ZeroTensor : CheckpointTensor
{
    private readonly string path;

    /// <summary>Makes float32 zeros of a shape that a model asked for.</summary>
    public ZeroTensor(string name, long[] shape, string path)
        : base(name, TensorElementType.Float32, shape) => this.path = path;

    /// <inheritdoc/>
    private protected override CheckpointException Fail(string reason) => new(path, $"tensor '{Name}' {reason}.");

    /// <inheritdoc/>
    private protected override void ReadElements(long start, Span<byte> destination) => destination.Clear();
}
