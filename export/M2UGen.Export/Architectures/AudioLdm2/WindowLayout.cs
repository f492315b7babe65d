namespace M2UGen.Export.Architectures.AudioLdm2;

/// <summary>Where the positions of a picture lie in the order of Swin's windows: all of it known at export, so that cutting into windows is one lookup.</summary>
/// <param name="Rows">Height of the picture, a multiple of the window.</param>
/// <param name="Columns">Width of the picture, a multiple of the window.</param>
/// <param name="Window">Height and width of a window.</param>
/// <param name="Shift">By how much the picture is turned up and to the left first; 0 or less than the window.</param>
/// <remarks>Source: arXiv:2103.14030; transformers modeling_clap.py, window_partition, get_attn_mask and ClapAudioPatchMerging.</remarks>
internal sealed record WindowLayout(int Rows, int Columns, int Window, int Shift)
{
    // What keeps two positions apart that only the turn brought into one window.
    private const float Hidden = -100;

    /// <summary>Windows of a picture.</summary>
    public int Count => Rows / Window * (Columns / Window);

    /// <summary>Positions of a window.</summary>
    public int Area => Window * Window;

    /// <summary>For every place in window order the position that comes there: [windows × area].</summary>
    public long[] Order()
    {
        long[] order = new long[Rows * Columns];
        for (int i = 0; i < order.Length; i++)
        {
            (int row, int column) = Place(i);
            order[i] = ((row + Shift) % Rows * (long)Columns) + ((column + Shift) % Columns);
        }

        return order;
    }

    /// <summary>The way back: for every position its place in window order.</summary>
    public static long[] Inverse(long[] order)
    {
        long[] inverse = new long[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            inverse[order[i]] = i;
        }

        return inverse;
    }

    /// <summary>[windows, 1, area, area]: 0 where two positions were neighbours before the turn, -100 where they were not.</summary>
    public float[] Mask()
    {
        float[] mask = new float[Count * Area * Area];
        for (int window = 0; window < Count; window++)
        {
            for (int query = 0; query < Area; query++)
            {
                int own = Region(Place((window * Area) + query));
                for (int key = 0; key < Area; key++)
                {
                    mask[(((window * Area) + query) * Area) + key] = Region(Place((window * Area) + key)) == own ? 0 : Hidden;
                }
            }
        }

        return mask;
    }

    /// <summary>The row of the table of relative positions for each pair in a window: [area × area], query by key.</summary>
    public int[] RelativeIndex()
    {
        int[] index = new int[Area * Area];
        for (int query = 0; query < Area; query++)
        {
            for (int key = 0; key < Area; key++)
            {
                int down = (query / Window) - (key / Window) + Window - 1;
                int right = (query % Window) - (key % Window) + Window - 1;
                index[(query * Area) + key] = (down * ((2 * Window) - 1)) + right;
            }
        }

        return index;
    }

    /// <summary>Four neighbours one after the other, column by column, for every place of a picture of half the size: [rows · columns].</summary>
    public static long[] MergingOrder(int rows, int columns)
    {
        long[] order = new long[rows * columns];
        int next = 0;
        for (int row = 0; row < rows; row += 2)
        {
            for (int column = 0; column < columns; column += 2)
            {
                for (int i = 0; i < 4; i++)
                {
                    order[next++] = ((row + (i % 2)) * (long)columns) + column + (i / 2);
                }
            }
        }

        return order;
    }

    /// <summary>Row and column, in the turned picture, of a place in window order.</summary>
    private (int Row, int Column) Place(int index)
    {
        int window = index / Area;
        int inside = index % Area;
        int across = Columns / Window;
        return ((window / across * Window) + (inside / Window), (window % across * Window) + (inside % Window));
    }

    /// <summary>Which of the nine regions a place of the turned picture belongs to.</summary>
    private int Region((int Row, int Column) place)
    {
        return (3 * Band(place.Row, Rows)) + Band(place.Column, Columns);

        int Band(int at, int size) => at < size - Window ? 0 : at < size - Shift ? 1 : 2;
    }
}
