using System.Runtime.InteropServices;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Graph;

/// <summary>A float32 tensor that is computed only when it is needed: a checkpoint's tensor, or one derived from others (folded, packed, padded).</summary>
/// <remarks>
/// Nothing is kept after <see cref="Load"/> returns, so an export holds the operands of one tensor at a time. The load function must be
/// pure: the same weight may be loaded more than once and must give the same numbers.
/// </remarks>
internal sealed class Weight
{
    private readonly Func<float[]> _load;

    /// <summary>Creates a weight of <paramref name="shape"/> whose row-major elements <paramref name="load"/> yields.</summary>
    public Weight(string name, IReadOnlyList<long> shape, Func<float[]> load)
    {
        Name = name;
        Shape = shape;
        _load = load;
    }

    /// <summary>The name in the checkpoint, or of what was derived from it; for messages.</summary>
    public string Name { get; }

    /// <summary>The dimensions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, dim) => checked(product * dim));

    /// <summary>A checkpoint's tensor, widened to float32 when loaded.</summary>
    public static Weight From(CheckpointTensor tensor) => new(tensor.Name, tensor.Shape, tensor.ReadFloat32);

    /// <summary>A weight given by its elements.</summary>
    public static Weight Of(string name, IReadOnlyList<long> shape, float[] elements) => new(name, shape, () => elements);

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

    /// <summary>The same elements under another shape.</summary>
    public Weight Reshaped(params long[] shape) => new(Name, shape, Load);

    /// <summary>[rows, columns] to [columns, rows].</summary>
    public Weight Transposed()
    {
        if (Shape.Count != 2)
        {
            throw new InvalidOperationException($"Weight '{Name}' has {Shape.Count} dimensions; only a matrix can be transposed.");
        }

        return new Weight(Name, [Shape[1], Shape[0]], () => Transpose(Load(), (int)Shape[0], (int)Shape[1]));
    }

    /// <summary>Elements mapped by <paramref name="map"/>, in place on the freshly computed array; the shape stays.</summary>
    public Weight Mapped(Action<float[]> map) => new(Name, Shape, () =>
    {
        float[] elements = (float[])Load().Clone();
        map(elements);
        return elements;
    });

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
        });
    }

    private static float[] Transpose(float[] source, int rows, int columns)
    {
        // Blocks of 32 x 32 keep both the rows read and the rows written in the first-level cache.
        const int Block = 32;
        float[] target = new float[source.Length];
        Parallel.For(0, (rows + Block - 1) / Block, blockRow =>
        {
            int rowEnd = Math.Min(rows, (blockRow + 1) * Block);
            for (int columnStart = 0; columnStart < columns; columnStart += Block)
            {
                int columnEnd = Math.Min(columns, columnStart + Block);
                for (int row = blockRow * Block; row < rowEnd; row++)
                {
                    for (int column = columnStart; column < columnEnd; column++)
                    {
                        target[((long)column * rows) + row] = source[((long)row * columns) + column];
                    }
                }
            }
        });
        return target;
    }

    private sealed class FloatInitializer(Weight weight) : InitializerData(DataType.Float, weight.Shape)
    {
        public override long WriteTo(Stream stream)
        {
            float[] elements = weight.Load();
            const int Chunk = 1 << 20;
            for (int start = 0; start < elements.Length; start += Chunk)
            {
                int count = Math.Min(Chunk, elements.Length - start);
                stream.Write(MemoryMarshal.AsBytes(elements.AsSpan(start, count)));
            }

            return elements.LongLength * sizeof(float);
        }
    }
}
