using System.Buffers;

namespace M2UGen.Export.Checkpoints;

/// <summary>One tensor of a checkpoint. Only its description is in memory; the numbers are read from the file when asked for.</summary>
/// <remarks>Reading is thread-safe and possible until the <see cref="Checkpoint"/> is disposed.</remarks>
public abstract class CheckpointTensor
{
    /// <summary>Bytes held at a time by the reads that convert or copy.</summary>
    private const int BlockBytes = 1 << 20;

    /// <summary>Describes a tensor; <paramref name="shape"/> has been checked by the reader.</summary>
    private protected CheckpointTensor(string name, TensorElementType elementType, long[] shape)
    {
        Name = name;
        ElementType = elementType;
        Shape = shape;
        ElementCount = Shapes.Count(shape);
    }

    /// <summary>The name as the file spells it, nested dictionaries joined by '/'.</summary>
    public string Name { get; }

    /// <summary>How the file stores the numbers.</summary>
    public TensorElementType ElementType { get; }

    /// <summary>Sizes of the dimensions, outermost first; empty for a single number.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Product of <see cref="Shape"/>.</summary>
    public long ElementCount { get; }

    /// <summary>Size in bytes when laid out contiguously.</summary>
    public long ByteCount => ElementCount * ElementType.Size();

    /// <summary>Reads elements <paramref name="start"/>, <paramref name="start"/>+1, … in row-major order, as stored, little-endian.</summary>
    /// <param name="start">First element of the flat row-major range.</param>
    /// <param name="destination">Receives whole elements; its length is a multiple of the element size and the range lies inside the tensor (checked by the caller).</param>
    private protected abstract void ReadElements(long start, Span<byte> destination);

    /// <summary>Reads the whole tensor: contiguous row-major elements, little-endian.</summary>
    /// <param name="destination">Exactly <see cref="ByteCount"/> bytes.</param>
    /// <exception cref="ArgumentException">The length of <paramref name="destination"/> is not <see cref="ByteCount"/>.</exception>
    /// <exception cref="CheckpointException">The file can no longer be read.</exception>
    public void ReadBytes(Span<byte> destination)
    {
        if (destination.Length != ByteCount)
        {
            throw new ArgumentException($"Tensor '{Name}' has {ByteCount} bytes, the destination {destination.Length}.", nameof(destination));
        }

        ReadElements(0, destination);
    }

    /// <summary>Reads a flat row-major range as stored, little-endian.</summary>
    /// <param name="start">First element.</param>
    /// <param name="destination">Whole elements; as many are read as fit.</param>
    /// <exception cref="ArgumentException">The range is not inside the tensor, or the length is no multiple of the element size.</exception>
    public void ReadBytes(long start, Span<byte> destination)
    {
        int size = ElementType.Size();
        if (destination.Length % size != 0)
        {
            throw new ArgumentException($"The length {destination.Length} is no multiple of the element size {size}.", nameof(destination));
        }

        CheckRange(start, destination.Length / size);
        ReadElements(start, destination);
    }

    /// <summary>Writes the bytes of <see cref="ReadBytes(Span{byte})"/> to a stream, a block at a time, whatever the tensor's size.</summary>
    public void CopyTo(Stream destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        int size = ElementType.Size();
        long block = BlockBytes / size;
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(block, Math.Max(ElementCount, 1)) * size);
        try
        {
            for (long start = 0; start < ElementCount; start += block)
            {
                Span<byte> bytes = buffer.AsSpan(0, (int)Math.Min(block, ElementCount - start) * size);
                ReadElements(start, bytes);
                destination.Write(bytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads the whole tensor, every element widened (or, from 64 bits, rounded) to float.</summary>
    /// <exception cref="CheckpointException">The tensor has more elements than an array can, or complex numbers.</exception>
    public float[] ReadFloat32()
    {
        if (ElementCount > Array.MaxLength)
        {
            throw Fail($"has {ElementCount} elements, more than one array holds; read it in ranges");
        }

        float[] values = new float[ElementCount];
        ReadFloat32(0, values);
        return values;
    }

    /// <summary>Reads a flat row-major range, every element widened (or, from 64 bits, rounded) to float.</summary>
    /// <param name="start">First element.</param>
    /// <param name="destination">As many elements are read as fit.</param>
    /// <exception cref="ArgumentException">The range is not inside the tensor.</exception>
    /// <exception cref="CheckpointException">The file can no longer be read, or the elements are complex numbers.</exception>
    public void ReadFloat32(long start, Span<float> destination)
    {
        CheckRange(start, destination.Length);
        ReadFloats(start, destination);
    }

    /// <summary>The body of <see cref="ReadFloat32(long, Span{float})"/>; tensors that are computed rather than stored override it.</summary>
    private protected virtual void ReadFloats(long start, Span<float> destination)
    {
        if (ElementType == TensorElementType.Complex64)
        {
            throw Fail("holds complex numbers, which no graph of this exporter takes");
        }

        if (ElementType == TensorElementType.Float32 && BitConverter.IsLittleEndian)
        {
            for (int done = 0; done < destination.Length;)
            {
                Span<float> part = destination.Slice(done, Math.Min(destination.Length - done, int.MaxValue / 8));
                ReadElements(start + done, System.Runtime.InteropServices.MemoryMarshal.AsBytes(part));
                done += part.Length;
            }

            return;
        }

        int size = ElementType.Size();
        int block = BlockBytes / size;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(block, Math.Max(destination.Length, 1)) * size);
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int count = Math.Min(block, destination.Length - done);
                Span<byte> bytes = buffer.AsSpan(0, count * size);
                ReadElements(start + done, bytes);
                ElementConversion.ToFloat32(ElementType, bytes, destination.Slice(done, count));
                done += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>An exception that names the file and this tensor.</summary>
    private protected abstract CheckpointException Fail(string reason);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {ElementType.SafetensorsName()} {Shapes.Describe(Shape)}";

    /// <summary>Reads a range of another tensor; the range was checked by the caller.</summary>
    private protected static void ReadElementsOf(CheckpointTensor other, long start, Span<byte> destination) => other.ReadElements(start, destination);

    private void CheckRange(long start, long count)
    {
        if (start < 0 || start > ElementCount || count > ElementCount - start)
        {
            throw new ArgumentOutOfRangeException(nameof(start), start, $"Elements {start} to {start + count} are not inside tensor '{Name}' with {ElementCount} elements.");
        }
    }
}
