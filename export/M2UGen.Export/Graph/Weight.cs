using System.Buffers;
using System.Runtime.InteropServices;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Graph;

/// <summary>A float32 tensor that is computed only when it is needed: a checkpoint's tensor, or one derived from others (folded, packed, padded).</summary>
/// <remarks>
/// Nothing is kept after <see cref="Load"/> returns, so an export holds the operands of one tensor at a time; what can be written in pieces is
/// never held whole. The load function must be pure: the same weight may be loaded more than once, must give the same numbers, and each time an
/// array that is the caller's to change.
/// </remarks>
internal sealed class Weight
{
    // 4 MB of elements: large enough for the disk, small beside any matrix.
    private const int PieceElements = 1 << 20;

    private readonly Func<float[]> _load;
    private readonly Action<Stream>? _write;

    /// <summary>Creates a weight of <paramref name="shape"/> whose row-major elements <paramref name="load"/> yields.</summary>
    public Weight(string name, IReadOnlyList<long> shape, Func<float[]> load)
        : this(name, shape, load, write: null)
    {
    }

    private Weight(string name, IReadOnlyList<long> shape, Func<float[]> load, Action<Stream>? write)
    {
        Name = name;
        Shape = shape;
        _load = load;
        _write = write;
    }

    /// <summary>The name in the checkpoint, or of what was derived from it; for messages.</summary>
    public string Name { get; }

    /// <summary>The dimensions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, dim) => checked(product * dim));

    /// <summary>A checkpoint's tensor, widened to float32 when loaded.</summary>
    public static Weight From(CheckpointTensor tensor) => new(tensor.Name, tensor.Shape, tensor.ReadFloat32, stream => CopyPieces(tensor, stream));

    /// <summary>A weight given by its elements.</summary>
    public static Weight Of(string name, IReadOnlyList<long> shape, float[] elements) => new(name, shape, () => (float[])elements.Clone(), stream => WriteFloats(stream, elements));

    /// <summary>Computes the elements, row-major.</summary>
    /// <exception cref="InvalidOperationException">The load function gave another number of elements than the shape says.</exception>
    public float[] Load()
    {
        float[] elements = _load();
        return elements.LongLength == ElementCount
            ? elements
            : throw new InvalidOperationException($"Weight '{Name}' of shape [{string.Join(", ", Shape)}] was computed with {elements.LongLength} elements.");
    }

    /// <summary>The weight as an initializer in float32.</summary>
    public InitializerData AsInitializer() => new FloatInitializer(this);

    /// <summary>Writes the elements as float32, row-major and little-endian; a checkpoint's tensors, their transposes and stacks of them piece by piece.</summary>
    public void WriteTo(Stream stream)
    {
        if (_write is not null)
        {
            _write(stream);
        }
        else
        {
            WriteFloats(stream, Load());
        }
    }

    /// <summary>The same elements under another shape.</summary>
    public Weight Reshaped(params long[] shape) => new(Name, shape, Load, _write);

    /// <summary>[rows, columns] to [columns, rows].</summary>
    public Weight Transposed()
    {
        if (Shape.Count != 2)
        {
            throw new InvalidOperationException($"Weight '{Name}' has {Shape.Count} dimensions; only a matrix can be transposed.");
        }

        int rows = checked((int)Shape[0]);
        int columns = checked((int)Shape[1]);
        return new Weight(Name, [columns, rows], () => Transpose(Load(), rows, columns), stream => WriteTransposed(stream, Load(), rows, columns));
    }

    /// <summary>Weights stacked along the first dimension; all other dimensions must agree.</summary>
    public static Weight Stack(string name, params IReadOnlyList<Weight> parts)
    {
        Weight first = parts[0];
        foreach (Weight part in parts)
        {
            if (!part.Shape.Skip(1).SequenceEqual(first.Shape.Skip(1)))
            {
                throw new InvalidOperationException($"'{part.Name}' [{string.Join(", ", part.Shape)}] cannot be stacked on '{first.Name}' [{string.Join(", ", first.Shape)}].");
            }
        }

        long[] shape = [.. first.Shape];
        shape[0] = parts.Sum(part => part.Shape[0]);
        return new Weight(name, shape, () =>
        {
            float[] stacked = new float[shape.Aggregate(1L, (product, dim) => checked(product * dim))];
            int offset = 0;
            foreach (Weight part in parts)
            {
                float[] elements = part.Load();
                elements.CopyTo(stacked, offset);
                offset += elements.Length;
            }

            return stacked;
        }, stream =>
        {
            foreach (Weight part in parts)
            {
                part.WriteTo(stream);
            }
        });
    }

    private static float[] Transpose(float[] source, int rows, int columns)
    {
        float[] target = new float[source.Length];
        Transpose(source, rows, columns, 0, columns, target);
        return target;
    }

    /// <summary>Some of the columns as rows.</summary>
    private static void Transpose(float[] source, int rows, int columns, int first, int count, float[] target)
    {
        // Blocks of 32 x 32 keep both the rows read and the rows written in the first-level cache.
        const int Block = 32;
        int end = first + count;
        Parallel.For(0, (rows + Block - 1) / Block, blockRow =>
        {
            int rowEnd = Math.Min(rows, (blockRow + 1) * Block);
            for (int columnStart = first; columnStart < end; columnStart += Block)
            {
                int columnEnd = Math.Min(end, columnStart + Block);
                for (int row = blockRow * Block; row < rowEnd; row++)
                {
                    for (int column = columnStart; column < columnEnd; column++)
                    {
                        target[((long)(column - first) * rows) + row] = source[((long)row * columns) + column];
                    }
                }
            }
        });
    }

    private static void WriteTransposed(Stream stream, float[] source, int rows, int columns)
    {
        int width = Math.Min(columns, Math.Max(1, PieceElements / Math.Max(rows, 1)));
        float[] piece = ArrayPool<float>.Shared.Rent(checked(width * rows));
        try
        {
            for (int first = 0; first < columns; first += width)
            {
                int count = Math.Min(width, columns - first);
                Transpose(source, rows, columns, first, count, piece);
                WriteFloats(stream, piece.AsSpan(0, count * rows));
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(piece);
        }
    }

    private static void CopyPieces(CheckpointTensor tensor, Stream stream)
    {
        float[] piece = ArrayPool<float>.Shared.Rent((int)Math.Min(PieceElements, tensor.ElementCount));
        try
        {
            for (long start = 0; start < tensor.ElementCount; start += PieceElements)
            {
                Span<float> elements = piece.AsSpan(0, (int)Math.Min(PieceElements, tensor.ElementCount - start));
                tensor.ReadFloat32(start, elements);
                WriteFloats(stream, elements);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(piece);
        }
    }

    private static void WriteFloats(Stream stream, ReadOnlySpan<float> elements)
    {
        for (int start = 0; start < elements.Length; start += PieceElements)
        {
            stream.Write(MemoryMarshal.AsBytes(elements.Slice(start, Math.Min(PieceElements, elements.Length - start))));
        }
    }

    private sealed class FloatInitializer(Weight weight) : InitializerData(DataType.Float, weight.Shape)
    {
        public override long WriteTo(Stream stream)
        {
            weight.WriteTo(stream);
            return weight.ElementCount * sizeof(float);
        }
    }
}
