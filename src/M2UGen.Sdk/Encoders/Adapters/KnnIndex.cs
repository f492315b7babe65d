using System.IO.MemoryMappedFiles;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Encoders.Adapters;

/// <summary>A row that a search found.</summary>
/// <param name="Id">The row's number in the index.</param>
/// <param name="Score">Inner product, or squared distance with <see cref="KnnMetric.L2"/>.</param>
internal readonly record struct KnnNeighbour(long Id, float Score);

/// <summary>A faiss flat index file, memory-mapped and searched exhaustively: every row is compared with the query.</summary>
/// <remarks>Thread-safe, disposing included. The file must not be cut while it is open, as with every memory-mapped file.</remarks>
internal sealed unsafe class KnnIndex : IDisposable
{
    // Rows start at byte 45, on no border of a float: they are copied block by block into an aligned buffer that stays in the nearest cache.
    private const int BlockBytes = 32 << 10;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly KnnIndexHeader _header;

    private KnnIndex(string path, KnnIndexHeader header, MemoryMappedFile file, MemoryMappedViewAccessor view)
    {
        (Path, _header, _file, _view) = (path, header, file, view);
    }

    /// <summary>The file, as it was given.</summary>
    public string Path { get; }

    /// <summary>How rows are compared.</summary>
    public KnnMetric Metric => _header.Metric;

    /// <summary>Values of a row.</summary>
    public int Dimension => _header.Dimension;

    /// <summary>Rows.</summary>
    public long Count => _header.Count;

    /// <summary>Opens an index. Only its header is read; rows come from the file as searches need them.</summary>
    /// <param name="path">A file that faiss.write_index wrote from an IndexFlatIP or IndexFlatL2.</param>
    /// <param name="dimension">The width of the features that will be searched; null takes any.</param>
    /// <exception cref="ModelBundleException">The file cannot be read, is no flat index, is damaged, is empty, or has rows of another width.</exception>
    public static KnnIndex Open(string path, int? dimension = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStream? stream = null;
        MemoryMappedFile? file = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            long length = stream.Length;
            Span<byte> bytes = stackalloc byte[KnnIndexHeader.Size];
            KnnIndexHeader header = KnnIndexHeader.Parse(bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)], length, path);
            if (dimension is { } width && width != header.Dimension)
            {
                throw new ModelBundleException(path, $"Index '{path}' has rows of {header.Dimension} values, the features have {width}. Use an index made with the same encoder.");
            }

            // Of exactly the length that was checked: a file that changed meanwhile is refused here.
            file = MemoryMappedFile.CreateFromFile(stream, mapName: null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            KnnIndex index = new(path, header, file, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read));
            (stream, file) = (null, null);
            return index;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new ModelBundleException(path, $"Index '{path}' cannot be read: {e.Message} Correct the path or its permissions.", e);
        }
        finally
        {
            file?.Dispose();
            stream?.Dispose();
        }
    }

    /// <summary>The rows nearest to a query, the nearest first; among equals the one with the smaller number.</summary>
    /// <param name="query">[<see cref="Dimension"/>] finite values.</param>
    /// <param name="count">How many rows to find, at least 1; all of them where the index has fewer.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="ArgumentException">The query has another width or values that are not finite.</exception>
    /// <exception cref="ModelBundleException">A row's comparison gives no finite number, so the file holds such values.</exception>
    /// <exception cref="ObjectDisposedException">The index was disposed.</exception>
    public KnnNeighbour[] Search(ReadOnlySpan<float> query, int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        CheckWidth(query.Length, nameof(query));
        if (!AreFinite(query))
        {
            throw new ArgumentException("The query has values that are not finite.", nameof(query));
        }

        count = (int)Math.Min(count, Count);
        int rowsPerBlock = (int)Math.Min(Count, Math.Max(1, BlockBytes / sizeof(float) / Dimension));
        float[] block = new float[rowsPerBlock * Dimension];
        float[] difference = Metric == KnnMetric.L2 ? new float[Dimension] : [];

        // The worst of the kept rows comes out first.
        PriorityQueue<KnnNeighbour, KnnNeighbour> best = new(Comparer<KnnNeighbour>.Create((a, b) => Compare(b, a)));
        byte* rows = Acquire();
        try
        {
            for (long first = 0; first < Count; first += rowsPerBlock)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int here = (int)Math.Min(rowsPerBlock, Count - first);
                Copy(rows, first, block.AsSpan(0, here * Dimension));
                for (int i = 0; i < here; i++)
                {
                    KnnNeighbour found = new(first + i, Score(query, block.AsSpan(i * Dimension, Dimension), difference));
                    if (!float.IsFinite(found.Score))
                    {
                        throw new ModelBundleException(Path, $"Row {found.Id} of index '{Path}' compares as {found.Score}: it holds values that are not finite or far too large. Write the index again without it.");
                    }

                    if (best.Count < count)
                    {
                        best.Enqueue(found, found);
                    }
                    else if (Compare(found, best.Peek()) < 0)
                    {
                        best.EnqueueDequeue(found, found);
                    }
                }
            }
        }
        finally
        {
            Release();
        }

        KnnNeighbour[] sorted = new KnnNeighbour[best.Count];
        for (int i = sorted.Length - 1; i >= 0; i--)
        {
            sorted[i] = best.Dequeue();
        }

        return sorted;
    }

    /// <summary>Copies a row.</summary>
    /// <param name="id">The row, 0 to <see cref="Count"/> - 1.</param>
    /// <param name="row">[<see cref="Dimension"/>] takes the values.</param>
    /// <exception cref="ObjectDisposedException">The index was disposed.</exception>
    public void CopyRow(long id, Span<float> row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        CheckWidth(row.Length, nameof(row));
        byte* rows = Acquire();
        try
        {
            Copy(rows, id, row);
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Closes the file, once searches that still run have ended.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static bool AreFinite(ReadOnlySpan<float> values)
    {
        foreach (float value in values)
        {
            if (!float.IsFinite(value))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Below zero when <paramref name="a"/> is nearer.</summary>
    private int Compare(KnnNeighbour a, KnnNeighbour b)
    {
        int order = Metric == KnnMetric.L2 ? a.Score.CompareTo(b.Score) : b.Score.CompareTo(a.Score);
        return order != 0 ? order : a.Id.CompareTo(b.Id);
    }

    private float Score(ReadOnlySpan<float> query, ReadOnlySpan<float> row, Span<float> difference)
    {
        if (Metric == KnnMetric.InnerProduct)
        {
            return TensorPrimitives.Dot(query, row);
        }

        TensorPrimitives.Subtract(query, row, difference);
        return TensorPrimitives.SumOfSquares<float>(difference);
    }

    private void Copy(byte* rows, long first, Span<float> values) =>
        new ReadOnlySpan<byte>(rows + (first * Dimension * sizeof(float)), values.Length * sizeof(float)).CopyTo(MemoryMarshal.AsBytes(values));

    /// <summary>The first row; the mapping stays until <see cref="Release"/>, whoever disposes meanwhile.</summary>
    private byte* Acquire()
    {
        ObjectDisposedException.ThrowIf(_view.SafeMemoryMappedViewHandle.IsClosed, this);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        return start + _view.PointerOffset + KnnIndexHeader.Size;
    }

    private void Release() => _view.SafeMemoryMappedViewHandle.ReleasePointer();

    private void CheckWidth(int width, string name)
    {
        if (width != Dimension)
        {
            throw new ArgumentException($"Expected {Dimension} values, the width of the index, found {width}.", name);
        }
    }
}
