namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The codes of one or several pieces of music while they grow: [rows, frames], row-major over a fixed capacity.</summary>
/// <remarks>Rows are pieces × codebooks; a stereo piece has its left and right codebooks in turn (L0 R0 L1 R1 …). Allocated once, so that a step need not.</remarks>
internal sealed class CodeFrames
{
    private readonly long[] _codes;

    public CodeFrames(int rows, int capacity)
    {
        Rows = rows;
        Capacity = capacity;
        _codes = new long[checked(rows * capacity)];
    }

    /// <summary>Pieces × codebooks.</summary>
    public int Rows { get; }

    /// <summary>Frames that fit.</summary>
    public int Capacity { get; }

    /// <summary>Frames whose codes are all there, from the first on.</summary>
    public int Count { get; set; }

    public long this[int row, int frame]
    {
        get => _codes[(row * Capacity) + frame];
        set => _codes[(row * Capacity) + frame] = value;
    }

    /// <summary>The codes of one row, from <paramref name="frame"/> on.</summary>
    public Span<long> Row(int row, int frame, int count) => _codes.AsSpan((row * Capacity) + frame, count);

    /// <summary>A copy of the frames that are there: [rows × frames].</summary>
    public long[] ToArray()
    {
        long[] codes = new long[Rows * Count];
        for (int row = 0; row < Rows; row++)
        {
            Row(row, 0, Count).CopyTo(codes.AsSpan(row * Count));
        }

        return codes;
    }

    /// <summary>Frames that are complete already.</summary>
    /// <param name="codes">[rows × frames].</param>
    /// <param name="rows">Pieces × codebooks.</param>
    public static CodeFrames From(ReadOnlySpan<long> codes, int rows)
    {
        int count = codes.Length / rows;
        CodeFrames frames = new(rows, count) { Count = count };
        codes.CopyTo(frames._codes);
        return frames;
    }
}
