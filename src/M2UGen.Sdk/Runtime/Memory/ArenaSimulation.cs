using System.Collections;

namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>Follows how ONNX Runtime's arena (bfc_arena.cc) hands out memory, to know how much of it a run touches: what is free between two tensors is lost to others.</summary>
/// <remarks>
/// The arena grows by regions that double in size, splits and merges chunks inside them, and takes the smallest free chunk that fits. It gives nothing back before its session is
/// freed, but of a region only those pages are in memory that were written to.
/// </remarks>
internal sealed class ArenaSimulation
{
    private const long Unit = 256;
    private const long FirstRegion = 1 << 20;
    private const long Page = 4096;

    // A chunk that is less than twice as large as what is asked for is given whole, unless that would waste more than this.
    private const long MostWaste = 128L << 20;

    // The runtime doubles up to here.
    private const long LargestStep = 1L << 30;

    private readonly SortedSet<(long Bytes, int Region, long Start)> _free = [];
    private readonly List<Region> _regions = [];
    private long _nextRegion = FirstRegion;

    /// <summary>Bytes of all pages that were ever written to.</summary>
    public long TouchedBytes => _regions.Sum(region => region.TouchedPages) * Page;

    /// <summary>Takes memory and writes to all of it.</summary>
    public Block Take(long bytes)
    {
        if (bytes <= 0)
        {
            return default;
        }

        long rounded = (bytes + Unit - 1) / Unit * Unit;
        (long Bytes, int Region, long Start) chunk = Find(rounded);
        _free.Remove(chunk);
        long taken = chunk.Bytes;
        if (taken >= 2 * rounded || taken - rounded >= MostWaste)
        {
            _free.Add((taken - rounded, chunk.Region, chunk.Start + rounded));
            _regions[chunk.Region].Free[chunk.Start + rounded] = taken - rounded;
            taken = rounded;
        }

        _regions[chunk.Region].Free.Remove(chunk.Start);
        _regions[chunk.Region].Touch(chunk.Start, bytes);
        return new Block(chunk.Region, chunk.Start, taken);
    }

    /// <summary>Gives memory back to the arena.</summary>
    public void GiveBack(Block block)
    {
        if (block.Bytes == 0)
        {
            return;
        }

        SortedList<long, long> free = _regions[block.Region].Free;
        long start = block.Start;
        long bytes = block.Bytes;
        if (free.TryGetValue(start + bytes, out long behind))
        {
            free.Remove(start + bytes);
            _free.Remove((behind, block.Region, start + bytes));
            bytes += behind;
        }

        int before = Before(free, start);
        if (before >= 0 && free.GetKeyAtIndex(before) + free.GetValueAtIndex(before) == start)
        {
            long first = free.GetKeyAtIndex(before);
            _free.Remove((start - first, block.Region, first));
            free.RemoveAt(before);
            bytes += start - first;
            start = first;
        }

        free[start] = bytes;
        _free.Add((bytes, block.Region, start));
    }

    private (long Bytes, int Region, long Start) Find(long bytes)
    {
        foreach ((long Bytes, int Region, long Start) chunk in _free.GetViewBetween((bytes, 0, 0), (long.MaxValue, int.MaxValue, long.MaxValue)))
        {
            return chunk;
        }

        bool grown = false;
        while (bytes > _nextRegion)
        {
            _nextRegion *= 2;
            grown = true;
        }

        long size = _nextRegion;
        if (!grown && _nextRegion < LargestStep)
        {
            _nextRegion *= 2;
        }

        Region region = new(size);
        region.Free[0] = size;
        _regions.Add(region);
        (long, int, long) whole = (size, _regions.Count - 1, 0);
        _free.Add(whole);
        return whole;
    }

    /// <summary>The index of the last free chunk that begins before <paramref name="start"/>, or -1.</summary>
    private static int Before(SortedList<long, long> free, long start)
    {
        int low = 0;
        int high = free.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (free.GetKeyAtIndex(middle) < start)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    /// <summary>Memory that was taken.</summary>
    /// <param name="Region">The region's number.</param>
    /// <param name="Start">Where it begins in the region.</param>
    /// <param name="Bytes">Its size, which may be more than was asked for.</param>
    public readonly record struct Block(int Region, long Start, long Bytes);

    private sealed class Region(long bytes)
    {
        private readonly BitArray _pages = new(checked((int)((bytes + Page - 1) / Page)));

        public SortedList<long, long> Free { get; } = [];

        public long TouchedPages { get; private set; }

        public void Touch(long start, long count)
        {
            for (int page = (int)(start / Page); page <= (int)((start + count - 1) / Page); page++)
            {
                if (!_pages[page])
                {
                    _pages[page] = true;
                    TouchedPages++;
                }
            }
        }
    }
}
