using System.IO.MemoryMappedFiles;

namespace M2UGen.Export.Checkpoints;

/// <summary>A tensor that lies in a file, contiguous or as a view with strides.</summary>
internal sealed class StoredTensor : CheckpointTensor
{
    private readonly CheckpointFile file;
    private readonly long position;
    private readonly long[] sizes;
    private readonly long[] strides;
    private readonly int elementSize;

    /// <summary>Describes a tensor whose extent the reader has checked to lie inside the file.</summary>
    /// <param name="file">Where the elements lie.</param>
    /// <param name="name">Its name.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="shape">Sizes, outermost first.</param>
    /// <param name="position">Byte offset of the first element in the file.</param>
    /// <param name="strides">Elements to step per dimension, not negative; null when contiguous.</param>
    public StoredTensor(CheckpointFile file, string name, TensorElementType type, long[] shape, long position, long[]? strides = null)
        : base(name, type, shape)
    {
        this.file = file;
        this.position = position;
        elementSize = type.Size();
        (sizes, this.strides) = Collapse(shape, strides);
    }

    private bool IsContiguous => sizes.Length == 0 || (sizes.Length == 1 && strides[0] == 1);

    /// <inheritdoc/>
    private protected override CheckpointException Fail(string reason) => file.Fail($"tensor '{Name}' {reason}.");

    /// <inheritdoc/>
    private protected override void ReadElements(long start, Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return;
        }

        if (IsContiguous)
        {
            file.Read(position + (start * elementSize), destination);
        }
        else if (strides[^1] == 1 && sizes[^1] * elementSize >= 1024)
        {
            ReadRuns(start, destination);
        }
        else
        {
            Gather(start, destination);
        }
    }

    /// <summary>Rows that are whole in the file: one read each.</summary>
    private void ReadRuns(long start, Span<byte> destination)
    {
        long run = sizes[^1];
        while (!destination.IsEmpty)
        {
            long inRow = start % run;
            int bytes = (int)Math.Min((run - inRow) * elementSize, destination.Length);
            file.Read(position + (OffsetOf(start) * elementSize), destination[..bytes]);
            destination = destination[bytes..];
            start += bytes / elementSize;
        }
    }

    /// <summary>Element by element through a mapping of the part of the file that the view spans.</summary>
    private unsafe void Gather(long start, Span<byte> destination)
    {
        long span = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            span += (sizes[i] - 1) * strides[i];
        }

        using MemoryMappedViewAccessor view = file.Map(position, span * elementSize);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        try
        {
            byte* origin = pointer + view.PointerOffset;
            int last = sizes.Length - 1;
            long[] index = IndexOf(start);
            long offset = OffsetOf(start);
            for (int done = 0; done < destination.Length; done += elementSize)
            {
                new ReadOnlySpan<byte>(origin + (offset * elementSize), elementSize).CopyTo(destination[done..]);
                int axis = last;
                index[axis]++;
                offset += strides[axis];
                while (index[axis] == sizes[axis] && axis > 0)
                {
                    offset -= sizes[axis] * strides[axis];
                    index[axis] = 0;
                    axis--;
                    index[axis]++;
                    offset += strides[axis];
                }
            }
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private long[] IndexOf(long flat)
    {
        long[] index = new long[sizes.Length];
        for (int i = sizes.Length - 1; i >= 0; i--)
        {
            (flat, index[i]) = Math.DivRem(flat, sizes[i]);
        }

        return index;
    }

    private long OffsetOf(long flat)
    {
        long offset = 0;
        for (int i = sizes.Length - 1; i >= 0; i--)
        {
            (flat, long index) = Math.DivRem(flat, sizes[i]);
            offset += index * strides[i];
        }

        return offset;
    }

    /// <summary>Drops dimensions of size 1 and joins those that continue each other, so that a contiguous tensor has at most one.</summary>
    private static (long[] Sizes, long[] Strides) Collapse(long[] shape, long[]? strides)
    {
        long count = Shapes.Count(shape);
        if (strides is null || count <= 1)
        {
            return ([count], [1]);
        }

        List<long> outSizes = [];
        List<long> outStrides = [];
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] == 1)
            {
                continue;
            }

            if (outSizes.Count > 0 && outStrides[^1] == shape[i] * strides[i])
            {
                outSizes[^1] *= shape[i];
                outStrides[^1] = strides[i];
            }
            else
            {
                outSizes.Add(shape[i]);
                outStrides.Add(strides[i]);
            }
        }

        return ([.. outSizes], [.. outStrides]);
    }
}
