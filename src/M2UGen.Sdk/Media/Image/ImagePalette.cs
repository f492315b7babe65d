namespace M2UGen.Sdk.Media.Image;

/// <summary>A palette of 256 colours, filled up as PIL does: an index without an entry is grey of its own value.</summary>
/// <remarks>Transparent entries keep their colour. Source: Pillow 9.5, src/libImaging/Palette.c, ImagingPaletteNew.</remarks>
internal sealed class ImagePalette
{
    /// <summary>Entries of a full palette.</summary>
    public const int Size = 256;

    private readonly byte[] _rgb = new byte[Size * 3];

    /// <summary>A palette from stored entries.</summary>
    /// <param name="entries">The stored colours, one behind the other.</param>
    /// <param name="entrySize">Bytes of an entry: 3, or 4 with an unused last one.</param>
    /// <param name="blueFirst">Whether an entry is blue, green, red.</param>
    /// <param name="fillIndex">The index of places that the file's pixels do not cover.</param>
    public ImagePalette(ReadOnlySpan<byte> entries, int entrySize = 3, bool blueFirst = false, byte fillIndex = 0)
    {
        FillIndex = fillIndex;
        Ramp(Size, 3, _rgb);
        for (int i = 0; i < Math.Min(Size, entries.Length / entrySize); i++)
        {
            ReadOnlySpan<byte> entry = entries.Slice(i * entrySize, 3);
            (_rgb[3 * i], _rgb[(3 * i) + 1], _rgb[(3 * i) + 2]) = blueFirst ? (entry[2], entry[1], entry[0]) : (entry[0], entry[1], entry[2]);
        }
    }

    /// <summary>The index of places that the file's pixels do not cover.</summary>
    public byte FillIndex { get; }

    /// <summary>Whether PIL takes the picture for a grey one, so that not even inference.py sees indices.</summary>
    public bool IsGrey { get; init; }

    /// <summary>[256 × 3].</summary>
    public ReadOnlySpan<byte> Rgb => _rgb;

    /// <summary>Writes entry i as grey of value i.</summary>
    public static void Ramp(int count, int entrySize, Span<byte> entries)
    {
        for (int i = 0; i < count; i++)
        {
            entries.Slice(i * entrySize, 3).Fill((byte)i);
        }
    }

    /// <summary>Replaces indices by colours.</summary>
    /// <param name="rgba">[pixels × 4]: the index as red, green and blue; alpha 0 where nothing was decoded.</param>
    /// <param name="indicesAsGrey">True: the index stays the grey value.</param>
    public void Apply(Span<byte> rgba, bool indicesAsGrey)
    {
        bool colours = !indicesAsGrey || IsGrey;
        for (int at = 0; at + 4 <= rgba.Length; at += 4)
        {
            Span<byte> pixel = rgba.Slice(at, 4);
            byte index = pixel[3] == 0 ? FillIndex : pixel[0];
            if (colours)
            {
                Rgb.Slice(3 * index, 3).CopyTo(pixel);
            }
            else
            {
                pixel[..3].Fill(index);
            }
        }
    }
}
